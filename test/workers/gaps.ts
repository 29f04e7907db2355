// What the Workers lack beside php-fpm behind nginx, and why.

import type { Gaps } from "../http-suite/suite.ts";

export const EDGE_GAPS: Gaps = {
  "shared-files": "each child has files of its own, in memory",
  "header-bytes": "workerd reads header values as UTF-8 and replaces what is not",
  "both-addresses": "a Worker learns neither its own address nor the visitor's port",
};

// What Apache itself does otherwise, whatever FastCGI application is behind it.

import type { Gaps } from "./suite.ts";

export const APACHE_GAPS: Gaps = {
  "document-uri": "Apache sends no DOCUMENT_URI",
  "static-methods": "Apache answers POST with the file",
  "range-size": "Apache leaves Content-Range out of a 416",
};

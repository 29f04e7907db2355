// The commands of edge-fpm, in the order of their importance.

import { build } from "./build.ts";
import type { Command } from "./command.ts";
import { completion } from "./completion.ts";
import { cron } from "./cron.ts";
import { decode } from "./decode.ts";
import { deploy } from "./deploy.ts";
import { dev } from "./dev.ts";
import { fpm } from "./fpm.ts";
import { fs } from "./fs.ts";
import { importNginxCommand } from "./import-nginx.ts";
import { bench } from "./load.ts";
import { php } from "./php.ts";
import { proxy } from "./proxy.ts";
import { purge } from "./purge.ts";
import { request } from "./request.ts";
import { serve } from "./serve.ts";
import { status } from "./status.ts";

export const commands: readonly Command[] = [
  serve,
  fpm,
  php,
  fs,
  request,
  status,
  purge,
  cron,
  bench,
  decode,
  proxy,
  importNginxCommand,
  dev,
  build,
  deploy,
  completion(() => commands),
];

// nginx's configuration, read and turned into the gateway's. See docs/import-nginx.md.

export { type Imported, type ImportOptions, importNginx } from "./import.ts";
export { NginxSyntaxError } from "./parse.ts";
export type { NginxFiles } from "./read.ts";
export type { LeftOut, LeftOutKind } from "./report.ts";
export { leftOutLine, writeConfig } from "./write.ts";

// HTTP to CGI and back (RFC 3875). Pure, no dependencies; knows neither records nor transports.

export { isUtf8, latin1, toByteString } from "./bytes.ts";
export { CgiError, type CgiErrorCode } from "./errors.ts";
export { type CgiRequest, metaVariables, type NameValue } from "./meta-variables.ts";
export { type CgiHead, CgiHeadParser, DEFAULT_MAX_HEADER_BYTES } from "./response.ts";
export { decodePath, encodePath, type ScriptPath, type ScriptSplit, scriptPath, splitScript } from "./script-path.ts";

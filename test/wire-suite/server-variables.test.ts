// $_SERVER, key by key, of real php-fpm 8.2 and ours for the same params.

import { afterAll, beforeAll, expect, test } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { Target } from "./target.ts";

/** Params over the usual ones; `{root}` stands for the target's folder. */
const PARAMS: readonly Readonly<Record<string, string | undefined>>[] = [
  {},
  { SCRIPT_NAME: undefined },
  { DOCUMENT_ROOT: undefined },
  { PATH_INFO: "/more" },
  { PATH_INFO: "" },
  { SCRIPT_FILENAME: "{root}/s.php/more" },
  { SCRIPT_FILENAME: "{root}/s.php/more", PATH_INFO: "/more" },
  { SCRIPT_FILENAME: "{root}/s.php/more", PATH_INFO: "/s.php/more" },
  { SCRIPT_FILENAME: "{root}/s.php/more", PATH_INFO: "/s.php/more", SCRIPT_NAME: "/s.php/more" },
  { SCRIPT_FILENAME: "{root}/s.php/more", SCRIPT_NAME: "/s.php/more" },
  { SCRIPT_FILENAME: "{root}/s.php/more", PATH_INFO: "/x/s.php/more", SCRIPT_NAME: undefined },
  { SCRIPT_FILENAME: "{root}/s.php/more", PATH_INFO: "/s.php/more", DOCUMENT_ROOT: undefined },
  { SCRIPT_FILENAME: "{root}/s.php/more", PATH_INFO: "/more", DOCUMENT_ROOT: undefined },
  { SCRIPT_FILENAME: "{root}/s.php/more", PATH_INFO: "/s.php/more", DOCUMENT_ROOT: "{root}/" },
  { SCRIPT_FILENAME: "{root}/s.php/", PATH_INFO: "/s.php/" },
  { SCRIPT_FILENAME: "{root}/s.php/more", PATH_INFO: "/s.php/more", PATH_TRANSLATED: "/old" },
  { PATH_TRANSLATED: "{root}/s.php", PATH_INFO: "/x" },
  { SCRIPT_FILENAME: "proxy:fcgi://localhost:9000{root}/s.php" },
  { SCRIPT_FILENAME: "proxy:fcgi://localhost:9000{root}/s.php?a=b" },
  { SCRIPT_FILENAME: "proxy:fcgi://localhost:9000{root}/s.php/more", SCRIPT_NAME: "/s.php/more" },
  { SCRIPT_FILENAME: "proxy:fcgi://localhost:9000{root}/s.php/a%20b", SCRIPT_NAME: "/s.php/a b" },
  { SCRIPT_FILENAME: "proxy:fcgi://localhost:9000{root}/s.php/more", SCRIPT_NAME: "/s.php/more", PATH_INFO: "/other" },
  { SCRIPT_FILENAME: "proxy:balancer://pool{root}/s.php/more", SCRIPT_NAME: "/s.php/more" },
  { HTTP_AUTHORIZATION: "Basic QWRhOnNlOmNyZXQ=" },
  { HTTP_AUTHORIZATION: "Basic QWRh" },
  { HTTP_AUTHORIZATION: "basic QWRhOg==" },
  { HTTP_AUTHORIZATION: "Basic !!!" },
  { HTTP_AUTHORIZATION: 'Digest username="Ada"' },
  { HTTP_AUTHORIZATION: "Bearer x" },
  { HTTP_AUTHORIZATION: "" },
  { HTTP_COOKIE: "a=1; b=2", CONTENT_TYPE: "", CONTENT_LENGTH: "" },
  { CONTENT_TYPE: "text/plain", CONTENT_LENGTH: "0", REQUEST_METHOD: "POST" },
  { QUERY_STRING: undefined },
  { QUERY_STRING: "a=1+2&b[]=x", REQUEST_URI: "/s.php?a=1+2&b[]=x" },
  { "X.DOT": "1", "A[B]": "2", "": "empty", " SPACE": "3", HTTP_PROXY: "http://x" },
  { SERVER_PORT: "80", SERVER_SOFTWARE: "test/1.0", REMOTE_ADDR: "127.0.0.1", HTTPS: "on" },
  { SERVER_PORT: "-1", SERVER_SOFTWARE: "PHP.wasm", USE_ZEND_ALLOC: "0" },
  { VALUE: "naïve ☕", REQUEST_TIME: "1", PHP_SELF: "/own", FCGI_ROLE: "OTHER", USER: "other", HOME: "/else" },
];

/** Of the same request at another time. */
const TIMES = /^REQUEST_TIME(_FLOAT)?$/;

describePeers(["php-fpm8.2"], "$_SERVER of php-fpm and of edge-fpm", () => {
  const targets: Target[] = [];
  beforeAll(async () => {
    for (const name of ["php-fpm", "edge-fpm"] as const) targets.push(await Target.start(name));
    for (const target of targets) {
      target.write("s.php", "echo json_encode($_SERVER, JSON_PARTIAL_OUTPUT_ON_ERROR | JSON_UNESCAPED_SLASHES);");
    }
  });
  afterAll(() => Promise.all(targets.map((target) => target.stop())));

  test.each(PARAMS.map((params) => [JSON.stringify(params), params] as const))("%s", async (_, params) => {
    const [native, ours] = await Promise.all(targets.map((target) => serverOf(target, params)));
    expect(ours).toEqual(native);
  });
});

async function serverOf(target: Target, params: Readonly<Record<string, string | undefined>>): Promise<unknown> {
  const own: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(params)) own[name] = value?.replace("{root}", target.folder);
  const { status, body } = await target.ask({ script: "s.php", params: own });
  if (status !== 200) return { status, body };
  const found = JSON.parse(body.replaceAll(target.folder, "{root}")) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(found).filter(([name]) => !TIMES.test(name)));
}

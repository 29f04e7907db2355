// The scripts that a visitor finds in the editor, and a request for each.

import type { RequestInput } from "./types.ts";

/** A script and the request that shows what it does. */
export interface Example {
  /** Path in URLs, and name: "/hello.php". */
  readonly path: string;
  readonly title: string;
  /** One sentence. */
  readonly about: string;
  readonly source: string;
  readonly request: RequestInput;
}

const sources = import.meta.glob<string>("../site/*.php", { query: "?raw", import: "default", eager: true });

const FORM = "application/x-www-form-urlencoded";
const BOUNDARY = "edge-fpm-playground";

const ABOUT: readonly Omit<Example, "source">[] = [
  {
    path: "/hello.php",
    title: "Hello",
    about: "The shortest way through all of it.",
    request: { url: "/hello.php?name=World" },
  },
  {
    path: "/form.php",
    title: "Form",
    about: "A form's fields travel in STDIN, their length in CONTENT_LENGTH.",
    request: post("/form.php", FORM, "name=Ada&colour=green"),
  },
  {
    path: "/session.php",
    title: "Session",
    about: "A counter in a session; send the cookie back, and whichever child answers counts on.",
    request: { url: "/session.php" },
  },
  {
    path: "/upload.php",
    title: "Upload",
    about: "A file in a multipart body; the script stores it, and the web server then sends it as a static file.",
    request: post(
      "/upload.php",
      `multipart/form-data; boundary=${BOUNDARY}`,
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="notes.txt"\r\nContent-Type: text/plain\r\n\r\nFastCGI, 1996\r\n--${BOUNDARY}--\r\n`,
    ),
  },
  {
    path: "/slow.php",
    title: "Slow stream",
    about: "One STDOUT record a flush, long before the end.",
    request: { url: "/slow.php?pieces=5&ms=300" },
  },
  {
    path: "/fatal.php",
    title: "Fatal error",
    about: "What goes wrong travels in STDERR; the visitor sees a status only.",
    request: { url: "/fatal.php" },
  },
  {
    path: "/loop.php",
    title: "Infinite loop",
    about: "request_terminate_timeout ends the child, and the pool starts another one.",
    request: { url: "/loop.php" },
  },
  {
    path: "/phpinfo.php",
    title: "phpinfo()",
    about: "Everything PHP knows of itself and of the request.",
    request: { url: "/phpinfo.php" },
  },
];

/** In the order in which they are shown. */
export const EXAMPLES: readonly Example[] = ABOUT.map((example) => ({
  ...example,
  source: sources[`../site${example.path}`] ?? "",
}));

function post(url: string, type: string, body: string): RequestInput {
  return { method: "POST", url, headers: [["content-type", type]], body: new TextEncoder().encode(body) };
}

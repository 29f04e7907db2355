// Params as a web server sends them, to measure with.

import type { Pair } from "../../src/codec/index.ts";

/** What nginx sends for a browser's GET: its `fastcgi_params`, and the headers. */
export function requestParams(): Pair[] {
  const fixed: Pair[] = [
    ["QUERY_STRING", "page=2&sort=name"],
    ["REQUEST_METHOD", "GET"],
    ["CONTENT_TYPE", ""],
    ["CONTENT_LENGTH", ""],
    ["SCRIPT_FILENAME", "/var/www/example/public/index.php"],
    ["SCRIPT_NAME", "/index.php"],
    ["REQUEST_URI", "/articles?page=2&sort=name"],
    ["DOCUMENT_URI", "/index.php"],
    ["DOCUMENT_ROOT", "/var/www/example/public"],
    ["SERVER_PROTOCOL", "HTTP/1.1"],
    ["REQUEST_SCHEME", "https"],
    ["HTTPS", "on"],
    ["GATEWAY_INTERFACE", "CGI/1.1"],
    ["SERVER_SOFTWARE", "edge-fpm"],
    ["REMOTE_ADDR", "203.0.113.17"],
    ["REMOTE_PORT", "51234"],
    ["REMOTE_USER", ""],
    ["SERVER_ADDR", "198.51.100.4"],
    ["SERVER_PORT", "443"],
    ["SERVER_NAME", "www.example.org"],
    ["REDIRECT_STATUS", "200"],
    ["HTTP_HOST", "www.example.org"],
    ["HTTP_USER_AGENT", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"],
    ["HTTP_ACCEPT", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
    ["HTTP_ACCEPT_LANGUAGE", "en-GB,en;q=0.5"],
    ["HTTP_ACCEPT_ENCODING", "gzip, deflate, br, zstd"],
    ["HTTP_REFERER", "https://www.example.org/articles"],
    ["HTTP_COOKIE", "session=5f0a8c1de2b34f6790a1; theme=dark; seen=1"],
    ["HTTP_CACHE_CONTROL", "max-age=0"],
    ["HTTP_CONNECTION", "keep-alive"],
  ];
  const more = Array.from({ length: 10 }, (_, i): Pair => [`HTTP_X_EXAMPLE_${i}`, `value number ${i}`]);
  return [...fixed, ...more];
}

import { describe, expect, test } from "vitest";
import { type CgiRequest, metaVariables, type NameValue, scriptPath } from "../../src/cgi/index.ts";

function request(more: Partial<CgiRequest> = {}): CgiRequest {
  return {
    method: "GET",
    requestUri: "/blog/index.php/2024?a=1&b=%20",
    queryString: "a=1&b=%20",
    script: scriptPath("/srv/www", { scriptName: "/blog/index.php", pathInfo: "/2024" }),
    documentRoot: "/srv/www",
    headers: [["Host", "example.test:8080"]],
    scheme: "http",
    serverName: "example.test",
    serverAddress: "127.0.0.1",
    serverPort: 8080,
    remoteAddress: "192.0.2.7",
    remotePort: 51234,
    serverSoftware: "edge-fpm/1",
    ...more,
  };
}

const named = (headers: NameValue[], more: Partial<CgiRequest> = {}) =>
  Object.fromEntries(metaVariables(request({ headers, ...more })));

describe("metaVariables", () => {
  test("gives what nginx's fastcgi_params gives, in its order", () => {
    expect(metaVariables(request())).toEqual([
      ["QUERY_STRING", "a=1&b=%20"],
      ["REQUEST_METHOD", "GET"],
      ["CONTENT_TYPE", ""],
      ["CONTENT_LENGTH", ""],
      ["SCRIPT_NAME", "/blog/index.php"],
      ["REQUEST_URI", "/blog/index.php/2024?a=1&b=%20"],
      ["DOCUMENT_URI", "/blog/index.php/2024"],
      ["DOCUMENT_ROOT", "/srv/www"],
      ["SERVER_PROTOCOL", "HTTP/1.1"],
      ["REQUEST_SCHEME", "http"],
      ["GATEWAY_INTERFACE", "CGI/1.1"],
      ["SERVER_SOFTWARE", "edge-fpm/1"],
      ["REMOTE_ADDR", "192.0.2.7"],
      ["REMOTE_PORT", "51234"],
      ["SERVER_ADDR", "127.0.0.1"],
      ["SERVER_PORT", "8080"],
      ["SERVER_NAME", "example.test"],
      ["REDIRECT_STATUS", "200"],
      ["SCRIPT_FILENAME", "/srv/www/blog/index.php"],
      ["PATH_INFO", "/2024"],
      ["PATH_TRANSLATED", "/srv/www/2024"],
      ["HTTP_HOST", "example.test:8080"],
    ]);
  });

  test("says HTTPS only over https", () => {
    expect(named([], { scheme: "https" })).toMatchObject({ HTTPS: "on", REQUEST_SCHEME: "https" });
    expect(named([])).not.toHaveProperty("HTTPS");
  });

  test("gives Content-Type and the length their own names, without HTTP_", () => {
    const params = named(
      [
        ["content-type", "text/plain"],
        ["Content-Length", "5"],
      ],
      { contentLength: 5 },
    );
    expect(params).toMatchObject({ CONTENT_TYPE: "text/plain", CONTENT_LENGTH: "5" });
    expect(params).not.toHaveProperty("HTTP_CONTENT_TYPE");
    expect(params).not.toHaveProperty("HTTP_CONTENT_LENGTH");
  });

  test("drops the length of a chunked body's transfer coding: the application gets it decoded", () => {
    expect(named([["Transfer-Encoding", "chunked"]], { contentLength: 3 })).not.toHaveProperty(
      "HTTP_TRANSFER_ENCODING",
    );
  });

  test("joins repeated headers with a comma and cookies with a semicolon", () => {
    expect(
      named([
        ["X-A", "1"],
        ["Cookie", "a=b"],
        ["x-a", "2"],
        ["cookie", "c=d"],
      ]),
    ).toMatchObject({ HTTP_X_A: "1, 2", HTTP_COOKIE: "a=b; c=d" });
  });

  test.each(["Proxy", "proxy", "PROXY"])("drops %s, which would become HTTP_PROXY (httpoxy)", (name) => {
    expect(named([[name, "http://evil.test"]])).not.toHaveProperty("HTTP_PROXY");
  });

  test("drops names with an underscore, so that X_Foo cannot overwrite X-Foo", () => {
    const headers: NameValue[] = [
      ["X-Foo", "good"],
      ["X_Foo", "evil"],
    ];
    expect(named(headers).HTTP_X_FOO).toBe("good");
    expect(named(headers, { underscoresInHeaders: true }).HTTP_X_FOO).toBe("good, evil");
  });

  test("passes no stand-in for a reserved header, underscores passed or not", () => {
    const params = named(
      [
        ["Content_Length", "9"],
        ["Content_Type", "x"],
        ["Transfer_Encoding", "chunked"],
      ],
      { underscoresInHeaders: true },
    );
    expect(Object.keys(params).filter((name) => name.startsWith("HTTP_"))).toEqual([]);
    expect(params.CONTENT_TYPE).toBe("");
  });

  test.each(["X.Foo", "X Foo", "X-F\u00f6", "", "X$"])("drops the header name %j", (name) => {
    expect(Object.keys(named([[name, "1"]])).filter((key) => key.startsWith("HTTP_"))).toEqual([]);
  });

  test("keeps the bytes of a value", () => {
    expect(named([["X-A", "\u00e9\u00ff\t"]]).HTTP_X_A).toBe("\u00e9\u00ff\t");
  });

  test.each(["a\0b", "a\nb", "a\rb"])("refuses the value %j", (value) => {
    expect(() => named([["X-A", value]])).toThrow(expect.objectContaining({ code: "CGI_BAD_HEADER" }));
    expect(() => named([["Content-Type", value]])).toThrow(expect.objectContaining({ code: "CGI_BAD_HEADER" }));
  });

  test("adds extra params, which take the place of their namesakes", () => {
    const params = metaVariables(
      request({
        extra: [
          ["APP_ENV", "dev"],
          ["SERVER_NAME", "other.test"],
        ],
      }),
    );
    expect(params.filter(([name]) => name === "SERVER_NAME")).toEqual([["SERVER_NAME", "other.test"]]);
    expect(params).toContainEqual(["APP_ENV", "dev"]);
  });

  test("has no PATH_INFO without path info", () => {
    const params = named([], { script: scriptPath("/srv/www", { scriptName: "/a.php", pathInfo: "" }) });
    expect(params).not.toHaveProperty("PATH_INFO");
    expect(params.DOCUMENT_URI).toBe("/a.php");
  });

  test("stays right when visitors send a thousand different names", () => {
    const headers = Array.from({ length: 1000 }, (_, i): NameValue => [`X-${i}`, String(i)]);
    const params = named(headers);
    expect(params.HTTP_X_999).toBe("999");
    expect(params.HTTP_X_0).toBe("0");
  });
});

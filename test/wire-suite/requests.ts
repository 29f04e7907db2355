// What a script finds of its request.

import { expect, test } from "vitest";
import type { Context } from "./suite.ts";

const BASE64 = (text: string) => Buffer.from(text).toString("base64");

export function requestTests(context: Context): void {
  const server = async (params: Record<string, string | undefined>, script = "server.php") => {
    context.target.write("server.php", "ksort($_SERVER); echo json_encode($_SERVER);");
    const answer = await context.target.ask({ script, params });
    return answer.json() as Record<string, string>;
  };

  test("$_SERVER has the params, FCGI_ROLE, PHP_SELF and the times, and nothing else but the user", async () => {
    const found = await server({ HTTP_HOST: "example.org", X_OWN: "mine" });
    const { REQUEST_TIME, REQUEST_TIME_FLOAT, ...rest } = found;
    expect(Number(REQUEST_TIME_FLOAT)).toBeGreaterThanOrEqual(Number(REQUEST_TIME));
    expect(Object.keys(rest)).toEqual(
      [
        "DOCUMENT_ROOT FCGI_ROLE HOME HTTP_HOST PHP_SELF QUERY_STRING REQUEST_METHOD SCRIPT_FILENAME SCRIPT_NAME",
        "SERVER_PROTOCOL USER X_OWN",
      ]
        .join(" ")
        .split(" "),
    );
    expect(rest).toMatchObject({ FCGI_ROLE: "RESPONDER", PHP_SELF: "/server.php", X_OWN: "mine" });
  });

  test("the SAPI is fpm-fcgi, and the process has the script's folder as its own", async () => {
    const { body } = await context.target.php(
      "echo PHP_SAPI, ' ', php_sapi_name(), ' ', getcwd() === __DIR__ ? 'there' : 'not';",
    );
    expect(body).toBe("fpm-fcgi fpm-fcgi there");
  });

  test("credentials of an Authorization header", async () => {
    const basic = await server({ HTTP_AUTHORIZATION: `Basic ${BASE64("Ada:se:cret")}` });
    expect(basic).toMatchObject({ PHP_AUTH_USER: "Ada", PHP_AUTH_PW: "se:cret" });
    const digest = await server({ HTTP_AUTHORIZATION: 'Digest username="Ada", realm="x"' });
    expect(digest).toMatchObject({ PHP_AUTH_DIGEST: 'username="Ada", realm="x"' });
    expect(await server({ HTTP_AUTHORIZATION: "Bearer abc" })).not.toHaveProperty("PHP_AUTH_USER");
  });

  test("HTTP_PROXY is nowhere: a request header must not name a proxy", async () => {
    const { body } = await context.target.php(
      "echo json_encode([isset($_SERVER['HTTP_PROXY']), getenv('HTTP_PROXY'), getenv('X_OWN'), isset(getenv()['X_OWN'])]);",
      { params: { HTTP_PROXY: "http://evil/", X_OWN: "mine" } },
    );
    expect(JSON.parse(body)).toEqual([false, false, "mine", true]);
  });

  test("argv and argc come from the query, when register_argc_argv asks for them", async () => {
    const { body } = await context.target.php(
      "echo json_encode([$_SERVER['argv'] ?? null, $_SERVER['argc'] ?? null]);",
      {
        params: { QUERY_STRING: "a+b%20c+d=e", PHP_VALUE: "register_argc_argv = 1" },
      },
    );
    expect(JSON.parse(body)).toEqual([["a", "b%20c", "d=e"], 3]);
    const { body: without } = await context.target.php("echo json_encode(array_key_exists('argv', $_SERVER));", {
      params: { QUERY_STRING: "a+b", PHP_VALUE: "register_argc_argv = 0" },
    });
    expect(without).toBe("false");
  });

  test("getallheaders() spells the names as browsers do", async () => {
    const { body } = await context.target.php("echo json_encode(getallheaders());", {
      params: { HTTP_X_FORWARDED_FOR: "1.2.3.4", HTTP_HOST: "h", CONTENT_TYPE: "text/x", CONTENT_LENGTH: "0" },
    });
    const headers = JSON.parse(body) as Record<string, string>;
    expect(headers).toMatchObject({
      "X-Forwarded-For": "1.2.3.4",
      Host: "h",
      "Content-Type": "text/x",
      "Content-Length": "0",
    });
  });

  test("a path behind the script is PATH_INFO when the web server says so, with the former values kept", async () => {
    const found = await server(
      {
        SCRIPT_FILENAME: `${context.target.folder}/server.php/more/path`,
        SCRIPT_NAME: "/server.php/more/path",
        PATH_INFO: "/server.php/more/path",
      },
      "server.php",
    );
    expect(found).toMatchObject({
      SCRIPT_FILENAME: `${context.target.folder}/server.php`,
      ORIG_SCRIPT_FILENAME: `${context.target.folder}/server.php/more/path`,
      PATH_INFO: "/more/path",
      ORIG_PATH_INFO: "/server.php/more/path",
      PATH_TRANSLATED: `${context.target.folder}/more/path`,
    });
  });

  test("a body of a form, of JSON, and none", async () => {
    const code = "echo json_encode([$_POST, file_get_contents('php://input'), $_SERVER['CONTENT_LENGTH'] ?? null]);";
    const form = await context.target.php(code, {
      body: "a=1&b[]=2",
      params: { CONTENT_TYPE: "application/x-www-form-urlencoded" },
    });
    expect(form.json()).toEqual([{ a: "1", b: ["2"] }, "a=1&b[]=2", "9"]);
    const json = await context.target.php(code, { body: "{}", params: { CONTENT_TYPE: "application/json" } });
    expect(json.json()).toEqual([[], "{}", "2"]);
    expect((await context.target.php(code)).json()).toEqual([[], "", null]);
  });

  test("without CONTENT_LENGTH the script sees no body", async () => {
    const { body } = await context.target.php("echo strlen(file_get_contents('php://input'));", {
      body: "never seen",
      params: { CONTENT_LENGTH: undefined },
    });
    expect(body).toBe("0");
  });

  test("a body beyond post_max_size: a warning, and nothing in $_POST", async () => {
    const { body, stderr } = await context.target.php("echo count($_POST);", {
      body: `a=${"x".repeat(1024 * 1024)}`,
      params: { CONTENT_TYPE: "application/x-www-form-urlencoded" },
    });
    expect(body).toBe("0");
    expect(stderr).toContain("POST Content-Length of 1048578 bytes exceeds the limit of 1048576 bytes");
  });

  test("uploads: one that fits, one beyond upload_max_filesize", async () => {
    const part = (name: string, size: number) =>
      `--xx\r\nContent-Disposition: form-data; name="${name}"; filename="${name}.txt"\r\nContent-Type: text/plain\r\n\r\n${"y".repeat(size)}\r\n`;
    const { body } = await context.target.php(
      "foreach ($_FILES as $name => $file) echo $name, ' ', $file['error'], ' ', $file['size'], ' ', is_uploaded_file($file['tmp_name']) ? 'there' : 'none', ';';",
      {
        body: `${part("small", 1000)}${part("large", 200_000)}--xx--\r\n`,
        params: { CONTENT_TYPE: "multipart/form-data; boundary=xx" },
      },
    );
    expect(body).toBe("small 0 1000 there;large 1 0 none;");
  });
}

// node:http in front of php-fpm by npm's fastcgi-client, in the way its README shows. Prints its URL.
//   <folder with node_modules/fastcgi-client> <php-fpm's socket> <document root>

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder = ".", sockFile, root = "."] = process.argv.slice(2);
const fastcgi = createRequire(join(folder, "index.js"))("fastcgi-client");

const client = fastcgi({ sockFile });
client.on("error", (error) => console.error(error.message));
const server = createServer((request, response) => {
  const [path, query = ""] = (request.url ?? "/").split("?", 2);
  const params = {
    QUERY_STRING: query,
    REQUEST_METHOD: request.method,
    CONTENT_TYPE: request.headers["content-type"] ?? "",
    CONTENT_LENGTH: request.headers["content-length"] ?? "",
    SCRIPT_NAME: path,
    SCRIPT_FILENAME: root + path,
    REQUEST_URI: request.url,
    DOCUMENT_URI: path,
    DOCUMENT_ROOT: root,
    SERVER_PROTOCOL: "HTTP/1.1",
    GATEWAY_INTERFACE: "CGI/1.1",
    SERVER_SOFTWARE: "node",
    REMOTE_ADDR: request.socket.remoteAddress,
    REMOTE_PORT: String(request.socket.remotePort),
    SERVER_ADDR: request.socket.localAddress,
    SERVER_PORT: String(request.socket.localPort),
    SERVER_NAME: request.headers.host ?? "",
    REDIRECT_STATUS: "200",
  };
  for (const [name, value] of Object.entries(request.headers)) {
    params[`HTTP_${name.toUpperCase().replaceAll("-", "_")}`] = String(value);
  }
  client.request(params, (error, exchange) => {
    if (error) {
      response.writeHead(502).end();
      return;
    }
    const chunks = [];
    exchange.stdout.on("data", (chunk) => chunks.push(chunk));
    exchange.stderr.resume();
    exchange.stdout.on("end", () => {
      const output = Buffer.concat(chunks);
      const end = output.indexOf("\r\n\r\n");
      const headers = output.toString("latin1", 0, end).split("\r\n");
      for (const line of headers) {
        const colon = line.indexOf(":");
        response.appendHeader(line.slice(0, colon), line.slice(colon + 1).trim());
      }
      response.end(output.subarray(end + 4));
    });
    request.pipe(exchange.stdin);
  });
});
client.on("ready", () => {
  server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address()?.port}`));
});

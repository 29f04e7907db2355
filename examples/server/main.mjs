// A fetch handler as a FastCGI application, for nginx, Apache, Caddy, lighttpd or HAProxy. On Node, Deno and Bun:
//
//     node main.mjs unix:/run/app.sock

// #region serve
import { serve } from "edge-fpm/server";

const [listen = "tcp://127.0.0.1:9000"] = process.argv.slice(2);

const server = await serve({ listen, fetch: answer, onError: console.error });
console.log(`listening at ${server.url}`);

async function answer(request, { params, stderr }) {
  const { pathname } = new URL(request.url);
  if (pathname === "/ticks") return new Response(ticks(request.signal), { headers: { "content-type": "text/plain" } });
  stderr(`${request.method} ${pathname}\n`); // in the web server's error log
  return Response.json({ pathname, visitor: params.REMOTE_ADDR, body: await request.text() });
}
// #endregion

// #region stream
/** A line each 100 ms, until the visitor has left or ten are through. */
function ticks(signal) {
  let count = 0;
  const lines = new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      if (signal.aborted || count === 10) return controller.close();
      count += 1;
      controller.enqueue(`tick ${count}\n`);
    },
  });
  return lines.pipeThrough(new TextEncoderStream());
}
// #endregion

// #region close
for (const name of ["SIGINT", "SIGTERM"]) process.once(name, () => server.close({ grace: 5000 }));
// #endregion

// A hono application as a FastCGI application, for nginx or any other web server. nginx.conf is beside this file.
//
//     npm install hono edge-fpm
//     node main.mjs unix:/run/app.sock

import { serve } from "edge-fpm/server";
import { Hono } from "hono";

const [listen = "tcp://127.0.0.1:9000"] = process.argv.slice(2);

const app = new Hono();
app.get("/", (c) => c.text(`hello from hono, ${c.req.header("user-agent")}`));
app.get("/where", (c) => c.json({ url: c.req.url, visitor: c.env.params.REMOTE_ADDR }));
app.post("/echo", (c) => c.body(c.req.raw.body));

const server = await serve({ listen, fetch: app.fetch, onError: console.error });
console.log(`listening at ${server.url}`);

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => server.close({ grace: 5000 }));

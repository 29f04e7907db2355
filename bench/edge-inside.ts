// A Worker for the bench: one interpreter as a child has it, driven without any wire.

import { residentInterpreter } from "../src/platform/workers/resident.ts";

const nothing = { headers() {}, stdout() {}, stderr() {}, log() {}, finishRequest() {} };

export default {
  /** Runs hello.php as often as the query says, and answers with milliseconds a run. */
  async fetch(request: Request): Promise<Response> {
    const runs = Number(new URL(request.url).searchParams.get("runs"));
    const interpreter = residentInterpreter({ mount: "/app", environment: {}, maxRequests: 0 });
    const { host } = await interpreter.start({});
    const script = { scriptFilename: "/app/hello.php", params: [], body: new Uint8Array(0) };
    const began = performance.now();
    for (let run = 0; run < runs; run++) await host.run(script, nothing);
    return Response.json({ milliseconds: (performance.now() - began) / runs, memory: host.memory });
  },
};

// Framing of whole requests: both connections, no transport and no application.

import { ApplicationConnection, WebServerConnection } from "../../src/connection/index.ts";
import { median, type Table } from "../table.ts";
import { consume, measure, methodOf } from "./measure.ts";
import { requestParams } from "./request-params.ts";

export function benchFraming(quick: boolean): Table {
  const pairs = requestParams();
  const answer = new TextEncoder().encode(`Content-type: text/html; charset=UTF-8\r\n\r\n${"x".repeat(1000)}`);
  const webServer = new WebServerConnection();
  const application = new ApplicationConnection();
  const rates = measure(
    {
      request: () => {
        for (let i = 0; i < 100; i++) {
          webServer.endStdin(webServer.begin({ role: "responder", keepConnection: true, params: pairs }));
          for (const chunk of webServer.takeOutput()) {
            for (const event of application.receive(chunk)) {
              if (event.type !== "stdin-end") continue;
              application.writeStdout(event.requestId, answer);
              application.endRequest(event.requestId, 0);
            }
          }
          for (const chunk of application.takeOutput()) consume(webServer.receive(chunk).length);
        }
        return 100;
      },
    },
    quick,
  );
  const value = 1e6 / median(rates.get("request") ?? []);
  return {
    title: "Framing of a whole request, both ways",
    method: `40 params, an answer of 1 KB, both connections in one thread. ${methodOf(quick)}`,
    rows: [{ name: "one request", value, unit: "µs", target: { atMost: 12 } }],
  };
}

// The protocol without sockets: records made and read, and two sides of a connection wired together. In any runtime:
//
//     node main.mjs

// #region records
import { decodeRecord, describe, encodeBeginRequest, encodeStream, RecordDecoder, RecordType } from "edge-fpm/codec";

const text = new TextEncoder();
const chunks = [
  encodeBeginRequest(1, "responder", false),
  ...encodeStream(RecordType.STDIN, 1, text.encode("a request's body")),
];

const decoder = new RecordDecoder();
for (const chunk of chunks) {
  decoder.decode(chunk, (type, requestId, buffer, start, end) => {
    console.log(describe(decodeRecord(type, requestId, buffer, start, end)));
  });
}

// #endregion

// #region connection
import { ApplicationConnection, WebServerConnection } from "edge-fpm/connection";

const webServer = new WebServerConnection();
const application = new ApplicationConnection();

const id = webServer.begin({ role: "responder", keepConnection: false, params: [["REQUEST_METHOD", "GET"]] });
webServer.endStdin(id);

for (const chunk of webServer.takeOutput()) {
  for (const event of application.receive(chunk)) {
    if (event.type !== "request") continue;
    console.log("the application is asked for", event.params);
    application.writeStdout(event.requestId, text.encode("Status: 200 OK\r\n\r\nhello"));
    application.endRequest(event.requestId, 0);
  }
}

for (const chunk of application.takeOutput()) {
  for (const event of webServer.receive(chunk)) {
    if (event.type === "stdout") console.log("it answers", new TextDecoder().decode(event.content));
    if (event.type === "end") console.log("it ends with", event.applicationStatus, event.protocolStatus);
  }
}
// #endregion

// One request as the web server sees it: what it may still send, and whether the answer has ended.

import { LocalProtocolError } from "../codec/index.ts";

//   begin (filter)                                          begin (other roles)
//        |                                                         |
//        v                                                         v
//   sending-stdin-and-data --------- data-end -----------> sending-stdin
//        |      |  stdin-end                                 |     |  stdin-end
//        |      +--------------> sending-data                |     +------------> waiting ----+
//        |                        |    |  data-end           |                      ^         |
//        |                        |    +---------------------|----------------------+         |
//        | end-request            | end-request              | end-request                    | end-request
//        v                        v                          v                                v
//   draining-stdin-and-data   draining-data           draining-stdin -------------------->  ended
//        |      |                 ^    |                ^        stdin-end, abort             ^
//        |      +--- stdin-end ---+    +----------------|------- data-end, abort -------------+
//        +---------- data-end --------------------------+
//
//   abort, from any sending state or waiting ----> aborted ---- end-request ----> ended
//
// - An application may answer before it has read everything. The id then stays taken ("draining") until our own side
//   has ended its streams too, or a writer that is not told in time would write into the next request with that id.
// - Aborting says that nothing more will be written: the id is free as soon as END_REQUEST comes.
// - What the application sends is legal in every state: output that nobody wants is dropped. So each error of this
//   table is our own caller's.

/** What the web server has still to send of a request, and whether it was answered. */
export type WebServerRequestState =
  | "sending-stdin"
  | "sending-stdin-and-data"
  | "sending-data"
  | "waiting"
  | "aborted"
  | "draining-stdin"
  | "draining-stdin-and-data"
  | "draining-data"
  | "ended";

/** What moves a request on: the web server's calls, and the end of the answer. */
export type WebServerRequestInput =
  /** Calls of the web server. */
  | "stdin"
  | "stdin-end"
  | "data"
  | "data-end"
  | "abort"
  /** The application's END_REQUEST. */
  | "end-request";

type Moves = Readonly<Partial<Record<WebServerRequestInput, WebServerRequestState>>>;

/** Every legal move. Anything else is an error of the caller. */
export const WEB_SERVER_REQUEST_MOVES: Readonly<Record<WebServerRequestState, Moves>> = {
  "sending-stdin": {
    stdin: "sending-stdin",
    "stdin-end": "waiting",
    abort: "aborted",
    "end-request": "draining-stdin",
  },
  "sending-stdin-and-data": {
    stdin: "sending-stdin-and-data",
    "stdin-end": "sending-data",
    data: "sending-stdin-and-data",
    "data-end": "sending-stdin",
    abort: "aborted",
    "end-request": "draining-stdin-and-data",
  },
  "sending-data": {
    data: "sending-data",
    "data-end": "waiting",
    abort: "aborted",
    "end-request": "draining-data",
  },
  waiting: { abort: "aborted", "end-request": "ended" },
  aborted: {
    stdin: "aborted",
    "stdin-end": "aborted",
    data: "aborted",
    "data-end": "aborted",
    abort: "aborted",
    "end-request": "ended",
  },
  "draining-stdin": {
    stdin: "draining-stdin",
    "stdin-end": "ended",
    abort: "ended",
    "end-request": "draining-stdin",
  },
  "draining-stdin-and-data": {
    stdin: "draining-stdin-and-data",
    "stdin-end": "draining-data",
    data: "draining-stdin-and-data",
    "data-end": "draining-stdin",
    abort: "ended",
    "end-request": "draining-stdin-and-data",
  },
  "draining-data": {
    data: "draining-data",
    "data-end": "ended",
    abort: "ended",
    "end-request": "draining-data",
  },
  ended: {},
};

/** The states in which nothing more is sent and output is dropped: the answer has ended, or nobody wants it. */
export function isSilent(state: WebServerRequestState): boolean {
  return state === "aborted" || isAnswered(state);
}

/** The states after END_REQUEST. */
export function isAnswered(state: WebServerRequestState): boolean {
  return (
    state === "draining-stdin" || state === "draining-stdin-and-data" || state === "draining-data" || state === "ended"
  );
}

/**
 * @param requestId for the error message
 * @returns the state after `input`
 * @throws {LocalProtocolError} `FCGI_INVALID_CALL` when there is no such move
 */
export function advanceWebServerRequest(
  state: WebServerRequestState,
  input: WebServerRequestInput,
  requestId: number,
): WebServerRequestState {
  const next = WEB_SERVER_REQUEST_MOVES[state][input];
  if (next === undefined) {
    const allowed = Object.keys(WEB_SERVER_REQUEST_MOVES[state]).join(", ") || "nothing";
    throw new LocalProtocolError(
      "FCGI_INVALID_CALL",
      `request ${requestId}: ${input} while ${state}; allowed: ${allowed}`,
    );
  }
  return next;
}

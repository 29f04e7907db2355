// One request as the application sees it: which records may come, and what the application may still do.

import { RemoteProtocolError } from "../codec/index.ts";

//                                params-end
//      receiving-params -------------------------> receiving-stdin ------------+
//        |     |     |                               ^        |                |
//        |     |     | filter-params-end    data-end |        | stdin-end      |
//        |     |     +------> receiving-stdin-and-data        v                |
//        |     |                          | stdin-end     responding           |
//        |     |                          v                 ^    |             |
//  abort |     | refuse            receiving-data -----------+    |             | abort (from any that is
//        |     |                                   data-end       |             | receiving or responding,
//        v     v                                                  |             | but receiving-params)
//         ended <-------------------------------------------------+             v
//           ^                       end-request                              aborting
//           +----------------------------------------------------------------- +
//                  end-request (from any but receiving-params)
//
// - The application learns of a request when its params are complete. Until then the connection ends it alone: at an
//   abort, and when it refuses what came (malformed params, a limit, STDIN before the end of params).
// - Aborting is not ended: the application still owes END_REQUEST (section 5.4), and the id stays taken until then.
//   What the web server had on the way when it sent the abort is ignored.
// - A request may end before its input does (section 5.5). Nothing leaves `ended`: the connection forgets the request,
//   and ignores later records with its id (section 3.3).

/** What the application has received of a request, and whether it has answered. */
export type ApplicationRequestState =
  | "receiving-params"
  | "receiving-stdin"
  | "receiving-stdin-and-data"
  | "receiving-data"
  | "responding"
  | "aborting"
  | "ended";

/** What moves a request on: the web server's records, and the application's calls. */
export type ApplicationRequestInput =
  /** Records of the web server; `-end` is the empty record of the stream. */
  | "params"
  | "params-end"
  | "filter-params-end"
  | "stdin"
  | "stdin-end"
  | "data"
  | "data-end"
  | "abort"
  /** The connection refuses the request. */
  | "refuse"
  /** The application ends the request. */
  | "end-request";

type Moves = Readonly<Partial<Record<ApplicationRequestInput, ApplicationRequestState>>>;

/** Every legal move. Anything else is an error. */
export const APPLICATION_REQUEST_MOVES: Readonly<Record<ApplicationRequestState, Moves>> = {
  "receiving-params": {
    params: "receiving-params",
    "params-end": "receiving-stdin",
    "filter-params-end": "receiving-stdin-and-data",
    abort: "ended",
    refuse: "ended",
  },
  "receiving-stdin": {
    stdin: "receiving-stdin",
    "stdin-end": "responding",
    abort: "aborting",
    "end-request": "ended",
  },
  "receiving-stdin-and-data": {
    stdin: "receiving-stdin-and-data",
    "stdin-end": "receiving-data",
    data: "receiving-stdin-and-data",
    "data-end": "receiving-stdin",
    abort: "aborting",
    "end-request": "ended",
  },
  "receiving-data": {
    data: "receiving-data",
    "data-end": "responding",
    abort: "aborting",
    "end-request": "ended",
  },
  responding: { abort: "aborting", "end-request": "ended" },
  aborting: {
    stdin: "aborting",
    "stdin-end": "aborting",
    data: "aborting",
    "data-end": "aborting",
    abort: "aborting",
    "end-request": "ended",
  },
  ended: {},
};

/**
 * @param requestId for the error message
 * @returns the state after `input`
 * @throws {RemoteProtocolError} `FCGI_UNEXPECTED_RECORD` when there is no such move
 */
export function advanceApplicationRequest(
  state: ApplicationRequestState,
  input: ApplicationRequestInput,
  requestId: number,
): ApplicationRequestState {
  const next = APPLICATION_REQUEST_MOVES[state][input];
  if (next === undefined) {
    const allowed = Object.keys(APPLICATION_REQUEST_MOVES[state]).join(", ") || "nothing";
    throw new RemoteProtocolError(
      "FCGI_UNEXPECTED_RECORD",
      `request ${requestId}: ${input} while ${state}; allowed: ${allowed}`,
    );
  }
  return next;
}

// What state each side of a request is in, by the tables of the connections, as records go by.

import { RecordType, RoleCode } from "../codec/index.ts";
import {
  APPLICATION_REQUEST_MOVES,
  type ApplicationRequestInput,
  type ApplicationRequestState,
  isAnswered,
  WEB_SERVER_REQUEST_MOVES,
  type WebServerRequestInput,
  type WebServerRequestState,
} from "../connection/index.ts";

/** The state of one request at both sides; `none`: the id is not in use. */
export interface RequestStates {
  readonly webServer: WebServerRequestState | "none";
  readonly application: ApplicationRequestState | "none";
}

export const NO_REQUEST: RequestStates = { webServer: "none", application: "none" };

export interface Step {
  readonly after: RequestStates;
  /** The moves made in the tables, for those who draw them. */
  readonly webServerInput: WebServerRequestInput | "begin" | undefined;
  readonly applicationInput: ApplicationRequestInput | "begin" | undefined;
  /** Why the record has no place here. */
  readonly problem?: string;
}

/** A record of a request, as far as states depend on it. */
export interface StateRecord {
  readonly recordType: number;
  readonly empty: boolean;
  readonly role: number;
}

/** What a record does to the states of its request. An illegal one leaves them as they are, with a problem. */
export function step(before: RequestStates, record: StateRecord): Step {
  const { recordType, empty, role } = record;
  if (recordType === RecordType.BEGIN_REQUEST) {
    const active = before.application !== "none" && before.application !== "ended";
    if (active) return stay(before, `BEGIN_REQUEST for a request that is active (${before.application})`);
    const sending = role === RoleCode.FILTER ? "sending-stdin-and-data" : "sending-stdin";
    return {
      after: { webServer: sending, application: "receiving-params" },
      webServerInput: "begin",
      applicationInput: "begin",
    };
  }
  if (before.application === "none") return stay(before, "a record of a request that has not begun");

  const moves = inputsOf(recordType, empty, role, before);
  if (moves === undefined) return stay(before);
  const { webServer: webServerInput, application: applicationInput } = moves;
  let { webServer, application }: RequestStates = before;
  const problems: string[] = [];
  if (webServerInput !== undefined && webServer !== "none") {
    const next = WEB_SERVER_REQUEST_MOVES[webServer][webServerInput];
    // What the web server sends after the answer has ended is ignored (section 3.3): habit of several.
    if (next !== undefined) webServer = next;
    else if (webServer !== "ended") problems.push(`${webServerInput} while the web server is ${webServer}`);
  }
  if (applicationInput !== undefined) {
    const next = APPLICATION_REQUEST_MOVES[application][applicationInput];
    if (next !== undefined) application = next;
    else if (application !== "ended") problems.push(`${applicationInput} while the application is ${application}`);
  }
  // The tables forgive a second one, but it tells of a fault: the first has freed the id.
  if (recordType === RecordType.END_REQUEST && before.webServer !== "none" && isAnswered(before.webServer)) {
    problems.push("END_REQUEST for a request that has ended");
  }
  return {
    after: { webServer, application },
    webServerInput,
    applicationInput,
    ...(problems.length === 0 ? {} : { problem: problems.join("; ") }),
  };
}

function stay(before: RequestStates, problem?: string): Step {
  return {
    after: before,
    webServerInput: undefined,
    applicationInput: undefined,
    ...(problem === undefined ? {} : { problem }),
  };
}

interface Inputs {
  readonly webServer?: WebServerRequestInput;
  readonly application?: ApplicationRequestInput;
}

function inputsOf(recordType: number, empty: boolean, role: number, before: RequestStates): Inputs | undefined {
  switch (recordType) {
    case RecordType.PARAMS:
      // The web server sends its params at once with the begin: its table has no move for them.
      if (!empty) return { application: "params" };
      return { application: role === RoleCode.FILTER ? "filter-params-end" : "params-end" };
    case RecordType.STDIN:
      return { webServer: empty ? "stdin-end" : "stdin", application: empty ? "stdin-end" : "stdin" };
    case RecordType.DATA:
      return { webServer: empty ? "data-end" : "data", application: empty ? "data-end" : "data" };
    case RecordType.ABORT_REQUEST:
      return { webServer: "abort", application: "abort" };
    case RecordType.END_REQUEST:
      // Before the params are complete only a refusal ends a request.
      return {
        webServer: "end-request",
        application: before.application === "receiving-params" ? "refuse" : "end-request",
      };
    default:
      return undefined;
  }
}

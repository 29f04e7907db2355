import { describe, expect, test } from "vitest";
import {
  APPLICATION_REQUEST_MOVES,
  type ApplicationRequestInput,
  type ApplicationRequestState,
  advanceApplicationRequest,
  advanceWebServerRequest,
  WEB_SERVER_REQUEST_MOVES,
  type WebServerRequestInput,
  type WebServerRequestState,
} from "../../src/connection/index.ts";

describe("a request as the application sees it", () => {
  const inputs: ApplicationRequestInput[] = [
    "params",
    "params-end",
    "filter-params-end",
    "stdin",
    "stdin-end",
    "data",
    "data-end",
    "abort",
    "refuse",
    "end-request",
  ];
  for (const state of Object.keys(APPLICATION_REQUEST_MOVES) as ApplicationRequestState[]) {
    for (const input of inputs) {
      const next = APPLICATION_REQUEST_MOVES[state][input];
      test(`${state} + ${input} -> ${next ?? "error"}`, () => {
        if (next !== undefined) expect(advanceApplicationRequest(state, input, 7)).toBe(next);
        else {
          expect(() => advanceApplicationRequest(state, input, 7)).toThrow(
            expect.objectContaining({ name: "RemoteProtocolError", code: "FCGI_UNEXPECTED_RECORD" }),
          );
        }
      });
    }
  }

  test("every state leads to ended", () => {
    for (const state of Object.keys(APPLICATION_REQUEST_MOVES) as ApplicationRequestState[]) {
      if (state === "ended") continue;
      expect(Object.values(APPLICATION_REQUEST_MOVES[state])).toContain("ended");
    }
  });
});

describe("a request as the web server sees it", () => {
  const inputs: WebServerRequestInput[] = ["stdin", "stdin-end", "data", "data-end", "abort", "end-request"];
  for (const state of Object.keys(WEB_SERVER_REQUEST_MOVES) as WebServerRequestState[]) {
    for (const input of inputs) {
      const next = WEB_SERVER_REQUEST_MOVES[state][input];
      test(`${state} + ${input} -> ${next ?? "error"}`, () => {
        if (next !== undefined) expect(advanceWebServerRequest(state, input, 7)).toBe(next);
        else {
          expect(() => advanceWebServerRequest(state, input, 7)).toThrow(
            expect.objectContaining({ name: "LocalProtocolError", code: "FCGI_INVALID_CALL" }),
          );
        }
      });
    }
  }

  test("END_REQUEST and abort are legal until the end", () => {
    for (const state of Object.keys(WEB_SERVER_REQUEST_MOVES) as WebServerRequestState[]) {
      if (state === "ended") continue;
      expect(WEB_SERVER_REQUEST_MOVES[state]["end-request"]).toBeDefined();
      expect(WEB_SERVER_REQUEST_MOVES[state].abort).toBeDefined();
    }
  });
});

// The connections of a capture and their requests.

import { useSignal } from "@preact/signals";
import type { FollowedRequest } from "../../../../src/capture/follow.ts";
import { More, ROWS } from "./more.tsx";
import { chooseRequest, chosenConnection, chosenRequest, type OpenCapture, paramOf, statusOf } from "./open.ts";

export function RequestsPanel({ capture: { connections } }: { readonly capture: OpenCapture }) {
  const shown = useSignal(ROWS);
  const rows = connections.flatMap((one) => [
    { id: one.connection.id, request: undefined, one },
    ...one.requests.map((request) => ({ id: one.connection.id, request, one })),
  ]);
  return (
    <section class="panel requests" aria-label="Requests">
      <div class="panel-head">
        <h2>Requests</h2>
      </div>
      <ul class="choose">
        {rows.slice(0, shown.value).map(({ id, request, one }) => (
          <li key={`${id} ${request?.number ?? ""}`}>
            {request === undefined ? (
              <button
                type="button"
                class="connection-row"
                aria-pressed={chosenConnection.value === id && chosenRequest.value === undefined}
                onClick={() => chooseRequest(id, undefined)}
              >
                <span>Connection {id}</span>
                <span class="hint">
                  {one.connection.webServer} → {one.connection.application}
                </span>
              </button>
            ) : (
              <RequestRow id={id} request={request} />
            )}
          </li>
        ))}
      </ul>
      {rows.length > shown.value && (
        <More
          left={rows.length - shown.value}
          onMore={() => {
            shown.value += ROWS;
          }}
        />
      )}
    </section>
  );
}

function RequestRow({ id, request }: { readonly id: number; readonly request: FollowedRequest }) {
  const status = statusOf(request);
  const { begin, end } = request.times;
  const tone = status === undefined ? "" : Number(status) >= 500 ? "bad" : Number(status) >= 400 ? "warn" : "good";
  return (
    <button
      type="button"
      class="request-row"
      aria-pressed={chosenRequest.value === request.number}
      onClick={() => chooseRequest(id, request.number)}
    >
      <span class={`badge ${tone}`}>{status ?? "none"}</span>
      <span class="request-uri mono">
        {paramOf(request, "REQUEST_METHOD") || String(request.role)} {paramOf(request, "REQUEST_URI")}
      </span>
      <span class="hint">
        id {request.requestId}
        {begin !== undefined && end !== undefined && `, ${(end - begin).toFixed(1)} ms`}
        {request.aborted && ", aborted"}
        {request.problems.length > 0 && ", has problems"}
      </span>
    </button>
  );
}

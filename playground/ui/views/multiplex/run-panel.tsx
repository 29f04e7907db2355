// One run: a line of time for each request, what the connection carried in its order, and what follows from it.

import type { WireRecord } from "../../../engine/index.ts";
import { nameOf } from "../../state/wire.ts";
import type { Lane, Run, Way } from "./run.ts";

/** Records of the answers that are drawn. */
const MAX_DRAWN = 240;

interface RunPanelProps {
  readonly title: string;
  readonly way: Way;
  readonly run: Run | undefined;
  /** Milliseconds: what the width stands for, the same in both panels. */
  readonly longest: number;
}

export function RunPanel({ title, way, run, longest }: RunPanelProps) {
  return (
    <section class="panel run" aria-label={title} data-state={run?.state}>
      <div class="panel-head">
        <h2>{title}</h2>
        <div class="end">
          {run !== undefined && (
            <span class={`badge ${run.state === "done" ? "good" : ""}`} role="status">
              {run.state === "running" ? "running" : `${Math.round(run.length)} ms`}
            </span>
          )}
        </div>
      </div>
      <div class="panel-body">
        {run === undefined || run.lanes.length === 0 ? (
          <p class="empty">{run?.error ?? (run === undefined ? "Not sent yet." : "Waiting for the first records.")}</p>
        ) : (
          <Result run={run} way={way} longest={longest} />
        )}
      </div>
    </section>
  );
}

function Result({ run, way, longest }: { readonly run: Run; readonly way: Way; readonly longest: number }) {
  return (
    <>
      <ol class="gantt" aria-label="Requests over time">
        {run.lanes.map((lane) => (
          <LaneRow key={lane.index} lane={lane} run={run} longest={longest} />
        ))}
      </ol>
      <div class="gantt-axis" aria-hidden="true">
        <span>0</span>
        <span>{Math.round(longest / 2)} ms</span>
        <span>{Math.round(longest)} ms</span>
      </div>
      <h3>
        {way === "shared" ? "What the connection carried back, in its order" : "What the connections carried back"}
      </h3>
      {way === "shared" ? <Stream run={run} records={run.answers} /> : <Streams run={run} />}
      {run.state === "done" && <Lesson run={run} way={way} />}
    </>
  );
}

const colour = (index: number) => `var(--request-${(index % 8) + 1})`;

function LaneRow({ lane, run, longest }: { readonly lane: Lane; readonly run: Run; readonly longest: number }) {
  const percent = (time: number) => `${(((time - run.start) / longest) * 100).toFixed(2)}%`;
  const first = lane.records[0]?.time ?? run.start;
  const last = lane.records.at(-1)?.time ?? first;
  const label = `id ${lane.requestId}`;
  return (
    <li class="gantt-row" style={{ "--colour": colour(lane.index) }}>
      <span class="gantt-label" title={lane.url}>
        <b>{label}</b>
        <span>connection {lane.connection}</span>
      </span>
      <span
        class="gantt-track"
        role="img"
        aria-label={`Request ${lane.index + 1}, ${lane.url}: ${lane.records.length} records in ${Math.round(last - first)} milliseconds`}
      >
        <span
          class="gantt-bar"
          style={{ left: percent(first), width: `calc(${percent(run.start + last - first)} + 2px)` }}
        />
        {lane.records.map((record) => (
          <span
            key={record.seq}
            class="gantt-record"
            data-direction={record.direction}
            title={nameOf(record)}
            style={{ left: percent(record.time) }}
          />
        ))}
      </span>
      <span class="gantt-end">{lane.ended ? place(run.order.indexOf(lane.index)) : ""}</span>
    </li>
  );
}

function place(index: number): string {
  return ["1st", "2nd", "3rd"][index] ?? `${index + 1}th`;
}

function Streams({ run }: { readonly run: Run }) {
  return (
    <div class="streams">
      {run.lanes.map((lane) => (
        <Stream
          key={lane.index}
          run={run}
          records={lane.records.filter(({ direction }) => direction === "to-web-server")}
        />
      ))}
    </div>
  );
}

function Stream({ run, records }: { readonly run: Run; readonly records: readonly WireRecord[] }) {
  const lanes = new Map(run.lanes.flatMap((lane) => lane.records.map((record) => [record.seq, lane.index] as const)));
  const drawn = records.slice(0, MAX_DRAWN);
  const words = drawn.map((record) => `${nameOf(record)} of id ${record.requestId}`).join(", ");
  return (
    <p class="stream" role="img" aria-label={words}>
      {drawn.map((record) => (
        <span
          key={record.seq}
          class="stream-record"
          data-type={nameOf(record)}
          title={`${nameOf(record)}, id ${record.requestId}, ${record.contentLength} bytes`}
          style={{ "--colour": colour(lanes.get(record.seq) ?? 0) }}
        >
          {record.requestId}
        </span>
      ))}
      {records.length > MAX_DRAWN && <span class="hint">and {records.length - MAX_DRAWN} more</span>}
    </p>
  );
}

function Lesson({ run, way }: { readonly run: Run; readonly way: Way }) {
  const order = run.order.map((index) => index + 1).join(", ");
  const sorted = run.order.every((index, at) => index === at);
  const switches = run.answers.filter(
    (record, at) => at > 0 && record.requestId !== run.answers[at - 1]?.requestId,
  ).length;
  return (
    <div class="lesson">
      <p>
        Sent as {run.lanes.map(({ index }) => index + 1).join(", ")}; ended as <b>{order}</b>
        {sorted ? ", in the same order." : ": out of order."}
      </p>
      {way === "shared" ? (
        <p>
          One connection carried {run.lanes.length} requests, and changed {switches} times from one answer to another. A
          record says nothing of its neighbours: the <b>request id</b> in its header is all that tells which answer it
          goes on with. HTTP/1.1 has no such number, so there the second answer must wait for the end of the first.
        </p>
      ) : (
        <p>
          {run.connections} connections, and each request has the id {run.lanes[0]?.requestId}: the connection itself
          tells whose the records are. It is what nginx and php-fpm do; the price is a connection for each request that
          runs.
        </p>
      )}
    </div>
  );
}

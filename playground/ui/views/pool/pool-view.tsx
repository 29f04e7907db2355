// The pool: its numbers and a load on one side, what comes of them on the other.

import { signal } from "@preact/signals";
import { pool } from "../../state/engine.ts";
import { Lanes } from "./lanes.tsx";
import { LoadPanel } from "./load-panel.tsx";
import { LogPanel } from "./log-panel.tsx";
import { NumbersPanel } from "./numbers-panel.tsx";
import { Scoreboard } from "./scoreboard.tsx";
import { Timeline } from "./timeline.tsx";
import "./pool.css";

/** Lengths of the drawing, in seconds. */
const LENGTHS = [15, 30, 60] as const;
const seconds = signal<(typeof LENGTHS)[number]>(30);

export function PoolView() {
  return (
    <div class="page pool">
      <header class="view-head">
        <h1>The pool</h1>
        <p>
          A master keeps resident children, each with one PHP interpreter that runs one request at a time. Move its
          numbers while a load runs, and see who works, who waits and who is replaced.
        </p>
      </header>
      <div class="pool-grid">
        <div class="pool-side">
          <NumbersPanel />
          <LoadPanel />
        </div>
        <div class="pool-main">
          <Tiles />
          <Scoreboard />
          <OverTime />
          <LogPanel />
        </div>
      </div>
    </div>
  );
}

function Tiles() {
  const status = pool.value?.status;
  const tiles = [
    { name: "active", value: status?.activeProcesses, tone: "accent" },
    { name: "idle", value: status?.idleProcesses, tone: "good" },
    { name: "waiting", value: status?.listenQueue, tone: (status?.listenQueue ?? 0) > 0 ? "warn" : "" },
    { name: "requests", value: status?.acceptedConn, tone: "" },
    { name: "max active", value: status?.maxActiveProcesses, tone: "" },
    {
      name: "max children reached",
      value: status?.maxChildrenReached,
      tone: (status?.maxChildrenReached ?? 0) > 0 ? "warn" : "",
    },
  ];
  return (
    <dl class="tiles">
      {tiles.map(({ name, value, tone }) => (
        <div key={name} class="tile" data-tone={tone}>
          <dt>{name}</dt>
          <dd>{value?.toLocaleString("en") ?? "-"}</dd>
        </div>
      ))}
    </dl>
  );
}

function OverTime() {
  return (
    <section class="panel over-time" aria-label="Over time">
      <div class="panel-head">
        <h2>Over time</h2>
        <ul class="legend">
          <li data-kind="active">active</li>
          <li data-kind="idle">idle</li>
          <li data-kind="other">starting, stopping</li>
          <li data-kind="queue">waiting</li>
        </ul>
        <div class="end">
          <label>
            <span class="visually-hidden">Length of the drawing</span>
            <select
              class="input small"
              value={String(seconds.value)}
              onChange={(event) => {
                seconds.value = Number(event.currentTarget.value) as (typeof LENGTHS)[number];
              }}
            >
              {LENGTHS.map((length) => (
                <option key={length} value={String(length)}>
                  {length} s
                </option>
              ))}
            </select>
          </label>
        </div>
      </div>
      <div class="drawings">
        <Timeline seconds={seconds.value} />
        <h3 class="lanes-title">Requests in each child</h3>
        <Lanes seconds={seconds.value} />
      </div>
    </section>
  );
}

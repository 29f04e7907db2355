// The scoreboard: a row a child, and those who wait.

import { useState } from "preact/hooks";
import type { PoolSnapshot, PoolStatus } from "../../../engine/index.ts";
import { Icon } from "../../components/icon.tsx";
import { engine, php, pool } from "../../state/engine.ts";

type Child = PoolStatus["processes"][number];

/** Waiting requests that are drawn one by one. */
const MOST_DRAWN = 60;

export function Scoreboard() {
  const snapshot = pool.value;
  if (snapshot === undefined) return <p class="empty">The master starts.</p>;
  const { status, config } = snapshot;
  return (
    <section class="panel scoreboard" aria-label="Scoreboard">
      <div class="panel-head">
        <h2>Scoreboard</h2>
        <span class="hint">
          {status.totalProcesses} of {config.maxChildren} children
        </span>
        <div class="end">
          <Reload />
        </div>
      </div>
      <Queue status={status} />
      {status.processes.length === 0 ? <NoChildren pm={config.pm} /> : <Children snapshot={snapshot} />}
    </section>
  );
}

function NoChildren({ pm }: { readonly pm: string }) {
  if (php.value.stage === "ready") {
    return <p class="empty">No children: pm = {pm} starts them when requests come.</p>;
  }
  return (
    <div class="empty">
      <p>No children yet: PHP is not loaded.</p>
      <button
        type="button"
        class="button"
        disabled={php.value.stage !== "none" && php.value.stage !== "failed"}
        onClick={() => void engine.loadPhp().catch(() => {})}
      >
        Start the pool
      </button>
    </div>
  );
}

function Reload() {
  const [reloading, setReloading] = useState(false);
  const reload = async () => {
    setReloading(true);
    await engine.pool.reload().catch(() => {});
    setReloading(false);
  };
  return (
    <button
      type="button"
      class="button quiet small"
      disabled={reloading || php.value.stage !== "ready"}
      title="SIGUSR2: new children take over, none of the requests is lost"
      onClick={() => void reload()}
    >
      <Icon name="refresh" />
      {reloading ? "Reloading" : "Reload"}
    </button>
  );
}

function Queue({ status }: { readonly status: PoolStatus }) {
  const { listenQueue, listenQueueLen, maxListenQueue, listenQueueRefused } = status;
  const drawn = Math.min(listenQueue, MOST_DRAWN);
  return (
    <div class="queue" data-waiting={listenQueue > 0}>
      <span class="queue-name">Listen queue</span>
      <span class="queue-line" role="img" aria-label={`${listenQueue} requests wait for a child`}>
        {Array.from({ length: drawn }, (_, index) => (
          <span key={index} class="waiting" />
        ))}
        {listenQueue > drawn && <span class="hint">and {listenQueue - drawn} more</span>}
        {listenQueue === 0 && <span class="hint">nobody waits</span>}
      </span>
      <span class="queue-figures">
        <strong>{listenQueue}</strong> of {listenQueueLen}, most {maxListenQueue}
        {listenQueueRefused > 0 && <span class="badge bad">{listenQueueRefused} turned away</span>}
      </span>
    </div>
  );
}

function Children({ snapshot: { status, config } }: { readonly snapshot: PoolSnapshot }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reached by the keyboard.
    <section class="children-table" aria-label="Children" tabIndex={0}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Child</th>
            <th scope="col">State</th>
            <th scope="col">Request</th>
            <th scope="col" class="number">
              Age
            </th>
            <th scope="col">Served</th>
            <th scope="col" class="number">
              Memory
            </th>
            <th scope="col">
              <span class="visually-hidden">Kill</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {status.processes.map((child) => (
            <Row key={child.pid} child={child} maxRequests={config.maxRequests} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Of each child, the last that it told: during a request it does not. */
const memories = new Map<number, number>();

/** Bytes; `undefined` before the first request. */
function memoryOf({ pid, lastRequestMemory }: Child): number | undefined {
  if (lastRequestMemory !== undefined) memories.set(pid, lastRequestMemory);
  return memories.get(pid);
}

const TONES: Readonly<Record<string, string>> = { Idle: "good", Starting: "warn", Stopping: "warn" };

function Row({ child, maxRequests }: { readonly child: Child; readonly maxRequests: number }) {
  const { pid, state, requestMethod, requestUri, requestDuration, startSince, requests } = child;
  const memory = memoryOf(child);
  const busy = !(state in TONES);
  return (
    <tr data-state={busy ? "busy" : state.toLowerCase()}>
      <th scope="row" class="mono">
        {pid}
      </th>
      <td>
        <span class={`badge state ${TONES[state] ?? "busy"}`}>{state}</span>
      </td>
      <td class="child-request">
        {requestUri === "-" ? (
          <span class="hint">none yet</span>
        ) : (
          <>
            <span class="uri mono" data-past={!busy} title={requestUri}>
              {requestMethod} {requestUri}
            </span>{" "}
            <span class="hint">{duration(requestDuration)}</span>
          </>
        )}
      </td>
      <td class="number">{age(startSince)}</td>
      <td>
        <span class="served">
          {requests}
          {maxRequests > 0 && (
            <>
              <span class="hint">of {maxRequests}</span>
              <meter
                aria-label={`Requests served by child ${pid}`}
                min={0}
                max={maxRequests}
                value={Math.min(requests, maxRequests)}
              />
            </>
          )}
        </span>
      </td>
      <td class="number">{memory === undefined ? <span class="hint">-</span> : megabytes(memory)}</td>
      <td class="kill">
        <button type="button" class="button quiet small danger" onClick={() => void engine.pool.kill(pid)}>
          <Icon name="close" />
          <span>
            Kill<span class="visually-hidden"> child {pid}</span>
          </span>
        </button>
      </td>
    </tr>
  );
}

function duration(milliseconds: number): string {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return milliseconds < 10 ? `${milliseconds.toFixed(1)} ms` : `${Math.round(milliseconds)} ms`;
}

function age(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  return seconds < 100 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function megabytes(bytes: number): string {
  return `${(bytes / (1024 * 1024)).toFixed(1)} MB`;
}

// The pool in one line under every view: PHP, children, queue, requests.

import { engine, php, pool } from "../state/engine.ts";

export function PoolStrip() {
  return (
    <section class="strip" aria-label="Pool">
      <PhpStage />
      <Children />
    </section>
  );
}

function PhpStage() {
  const { stage, version, loaded, total, error } = php.value;
  switch (stage) {
    case "none":
      return (
        <>
          <span>PHP {version} is not loaded</span>
          <button type="button" class="button small" onClick={() => void engine.loadPhp().catch(() => {})}>
            Load it ({megabytes(total)})
          </button>
        </>
      );
    case "loading":
      return (
        <>
          <label for="php-progress">
            Loading PHP {version}: {megabytes(loaded)} of {megabytes(total)}
          </label>
          <progress id="php-progress" value={loaded} max={total} />
        </>
      );
    case "compiling":
    case "starting":
      return <span role="status">{stage === "compiling" ? `Compiling PHP ${version}` : `Starting children`}</span>;
    case "failed":
      return <span class="badge bad">{error?.message ?? "PHP could not be loaded"}</span>;
    default:
      return <span>PHP {version}</span>;
  }
}

function Children() {
  const snapshot = pool.value;
  if (snapshot === undefined) return null;
  const { status, config } = snapshot;
  return (
    <>
      <span class="children" role="img" aria-label={`${status.processes.length} children`}>
        {status.processes.map(({ pid, state }) => (
          <span
            key={pid}
            class="child"
            data-state={state === "Idle" ? "idle" : "busy"}
            title={`child ${pid}: ${state}`}
          />
        ))}
      </span>
      <span>
        pm = {config.pm}, at most {config.maxChildren}
      </span>
      <span>queue {status.listenQueue}</span>
      <span class="end">{status.acceptedConn} requests</span>
    </>
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

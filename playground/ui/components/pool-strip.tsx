// The pool in one line under every view: PHP, children, queue, requests.

import { useEffect, useState } from "preact/hooks";
import { engine, php, pool } from "../state/engine.ts";
import { Icon } from "./icon.tsx";

export function PoolStrip() {
  return (
    <section class="strip" aria-label="Pool" data-stage={php.value.stage}>
      <PhpStage />
      <Children />
      <Offline />
    </section>
  );
}

function PhpStage() {
  const { stage, version, loaded, total, error } = php.value;
  const load = () => void engine.loadPhp().catch(() => {});
  switch (stage) {
    case "none":
      return (
        <>
          <PhpVersion />
          <button type="button" class="button small" onClick={load}>
            <Icon name="download" />
            Load it ({megabytes(total)})
          </button>
        </>
      );
    case "loading":
      return (
        <span class="php-progress">
          <label for="php-progress">
            PHP {version}{" "}
            <span class="mono">
              {(loaded / 1e6).toFixed(1)} / {megabytes(total)}
            </span>
          </label>
          <progress id="php-progress" value={loaded} max={total} />
        </span>
      );
    case "compiling":
    case "starting":
      return (
        <span class="php-progress" role="status">
          <span>{stage === "compiling" ? `Compiling PHP ${version}` : "Starting the first children"}</span>
          <progress aria-label="PHP is nearly there" />
        </span>
      );
    case "failed":
      return (
        <>
          <span class="badge bad" role="alert">
            {error?.message ?? "PHP could not be loaded"}
          </span>
          <button type="button" class="button small" onClick={load}>
            <Icon name="refresh" />
            Try again
          </button>
        </>
      );
    default:
      return <PhpVersion />;
  }
}

/** Another version is loaded when it is chosen; the pool then reloads, as php-fpm does at an upgrade. */
function PhpVersion() {
  const { version, stage } = php.value;
  const [changing, setChanging] = useState(false);
  const [problem, setProblem] = useState<string>();
  const change = async (chosen: string) => {
    setChanging(true);
    setProblem(undefined);
    await engine.usePhp(chosen).catch((error: Error) => setProblem(error.message));
    setChanging(false);
  };
  return (
    <span class="php-version">
      <label>
        PHP{" "}
        <select
          class="input"
          value={version}
          disabled={changing}
          onChange={(event) => void change(event.currentTarget.value)}
        >
          {engine.phpVersions.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      </label>
      {stage === "none" && <span class="hint">not loaded</span>}
      {changing && <span role="status">changing</span>}
      {problem !== undefined && (
        <span class="badge bad" role="alert">
          {problem}
        </span>
      )}
    </span>
  );
}

function Children() {
  const snapshot = pool.value;
  if (snapshot === undefined) return null;
  const { status, config } = snapshot;
  const idle = status.processes.filter(({ state }) => state === "Idle").length;
  return (
    <>
      <span
        class="children"
        role="img"
        aria-label={`${status.processes.length} children, ${idle} of them idle, at most ${config.maxChildren}`}
      >
        {status.processes.map(({ pid, state }) => (
          <span key={pid} class="child" data-state={stateOf(state)} title={`child ${pid}: ${state}`} />
        ))}
      </span>
      <span class="strip-detail">
        pm = {config.pm}, at most {config.maxChildren}
      </span>
      <span class={status.listenQueue > 0 ? "badge warn" : "strip-count"}>queue {status.listenQueue}</span>
      <span class="strip-count">
        {status.acceptedConn === 1 ? "1 request" : `${status.acceptedConn.toLocaleString("en")} requests`}
      </span>
    </>
  );
}

function stateOf(state: string): "idle" | "starting" | "busy" {
  if (state === "Idle") return "idle";
  return state === "Starting" || state === "Stopping" ? "starting" : "busy";
}

/** Told once everything that the page needs is kept. */
function Offline() {
  const [ready, setReady] = useState(false);
  useEffect(() => {
    if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
    void navigator.serviceWorker.ready.then(() => setReady(true));
  }, []);
  if (!ready) return <span class="end" />;
  const withPhp = php.value.stage === "ready";
  return (
    <span
      class="end"
      title={withPhp ? "The page and PHP are kept by this browser" : "Load PHP once to run scripts offline"}
    >
      <span class="badge good">
        <Icon name="check" />
        {withPhp ? "works offline" : "page works offline"}
      </span>
    </span>
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

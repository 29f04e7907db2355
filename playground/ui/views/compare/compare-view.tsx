// CGI against FastCGI: the same request in a fresh interpreter each time, and in a resident one.

import { Icon } from "../../components/icon.tsx";
import { php } from "../../state/engine.ts";
import {
  cgi,
  compares,
  count,
  type Figures,
  fastcgi,
  planned,
  problem,
  ratio,
  samples,
  startComparison,
  stopComparison,
  TARGETS,
  type TargetId,
  target,
} from "./compare.ts";
import { milliseconds } from "./milliseconds.ts";
import { RaceChart } from "./race-chart.tsx";
import { Samples } from "./samples.tsx";
import { Where } from "./where.tsx";
import "./compare.css";

export function CompareView() {
  return (
    <div class="page compare">
      <header class="view-head">
        <h1>CGI against FastCGI</h1>
        <p>
          The same script, the same interpreter, the same protocol. CGI starts an interpreter for every request and ends
          it afterwards; FastCGI keeps it. Measured now, in this browser, in turns.
        </p>
      </header>
      <Controls />
      <div class="compare-grid">
        <Ratio />
        <section class="panel chart" aria-label="Times of requests">
          <div class="panel-head">
            <h2>Each request</h2>
            <ul class="legend">
              <li data-kind="cgi">CGI</li>
              <li data-kind="fastcgi">FastCGI</li>
            </ul>
            <span class="hint end">logarithmic: each line is ten times the one below</span>
          </div>
          <RaceChart />
        </section>
        <Where />
        <Samples />
      </div>
    </div>
  );
}

function Controls() {
  const running = compares.value;
  return (
    <form
      class="panel compare-controls"
      onSubmit={(event) => {
        event.preventDefault();
        void startComparison();
      }}
    >
      <label class="field">
        <span class="label">Script</span>
        <select
          class="input"
          value={target.value}
          disabled={running}
          onChange={(event) => {
            target.value = event.currentTarget.value as TargetId;
          }}
        >
          {TARGETS.map(({ id, title }) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span class="label">Requests of each kind</span>
        <select
          class="input"
          value={String(count.value)}
          disabled={running}
          onChange={(event) => {
            count.value = Number(event.currentTarget.value);
          }}
        >
          {[5, 10, 20, 50].map((one) => (
            <option key={one} value={String(one)}>
              {one}
            </option>
          ))}
        </select>
      </label>
      {running ? (
        <button type="button" class="button danger" onClick={stopComparison}>
          <Icon name="stop" />
          Stop
        </button>
      ) : (
        <button type="submit" class="button primary">
          <Icon name="play" />
          {samples.value.length === 0 ? "Measure" : "Measure again"}
        </button>
      )}
      <Progress />
    </form>
  );
}

function Progress() {
  if (problem.value !== undefined) {
    return (
      <span class="badge bad" role="alert">
        {problem.value}
      </span>
    );
  }
  const { stage } = php.value;
  if (compares.value && stage !== "ready") return <span class="hint">PHP is loaded first; that is not measured.</span>;
  if (planned.value === 0) return <span class="hint">Takes a few seconds.</span>;
  return (
    <label class="compare-progress">
      <span class="hint">
        {samples.value.length} of {planned.value * 2}
      </span>
      <progress value={samples.value.length} max={planned.value * 2} />
    </label>
  );
}

function Ratio() {
  const value = ratio.value;
  return (
    <section class="panel ratio" aria-label="Ratio">
      <p class="ratio-figure" aria-live={compares.value ? "off" : "polite"}>
        {value === undefined ? (
          <span class="ratio-none">?</span>
        ) : (
          <>
            {value >= 10 ? Math.round(value).toLocaleString("en") : value.toFixed(1)}
            <span class="times">×</span>
          </>
        )}
      </p>
      <p class="ratio-says">
        {value === undefined
          ? "How many times as long does a request take when every one starts its own interpreter?"
          : "as long: a request that starts its own interpreter, beside one that finds it running."}
      </p>
      <dl class="medians">
        <Median kind="cgi" name="CGI" figures={cgi.value} />
        <Median kind="fastcgi" name="FastCGI" figures={fastcgi.value} />
      </dl>
    </section>
  );
}

function Median({
  kind,
  name,
  figures,
}: {
  readonly kind: string;
  readonly name: string;
  readonly figures: Figures | undefined;
}) {
  return (
    <div data-kind={kind}>
      <dt>{name}, median</dt>
      <dd>{figures === undefined ? "-" : milliseconds(figures.total)}</dd>
    </div>
  );
}

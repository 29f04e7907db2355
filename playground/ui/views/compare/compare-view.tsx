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

/** Both medians as bars of one scale, split into start and run. */
function Where() {
  const most = Math.max(cgi.value?.total ?? 0, fastcgi.value?.total ?? 0);
  return (
    <section class="panel where" aria-label="Where the time goes">
      <div class="panel-head">
        <h2>Where the time goes</h2>
        <ul class="legend">
          <li data-kind="start">starting the interpreter</li>
          <li data-kind="run">running the request</li>
        </ul>
      </div>
      <div class="panel-body stack">
        <Bar name="CGI" figures={cgi.value} most={most} />
        <Bar name="FastCGI" figures={fastcgi.value} most={most} />
        <div class="explain">
          <p>
            Here a CGI request starts a Worker, instantiates PHP in it, lets PHP read its settings and register some
            thousand functions and classes, runs the script, and ends all of it. A server does the same with fork, exec
            and the dynamic linker; opcache and connections to databases are lost each time too.
          </p>
          <p>
            With FastCGI the interpreter has done that once. A request is a few records on a connection: params in,
            output back, and the child waits for the next one. The compiled script is still in its memory.
          </p>
          <p class="hint">
            The module is compiled before both: a real CGI program is in the disk's cache too. Slower scripts make the
            ratio smaller: what they cost themselves, both pay.
          </p>
        </div>
      </div>
    </section>
  );
}

function Bar({
  name,
  figures,
  most,
}: {
  readonly name: string;
  readonly figures: Figures | undefined;
  readonly most: number;
}) {
  const share = (value: number) => (most === 0 ? 0 : (value / most) * 100);
  return (
    <div class="bar-row">
      <span class="bar-name">{name}</span>
      <span class="bar" aria-hidden="true">
        {figures !== undefined && (
          <>
            <span data-kind="start" style={{ width: `${share(figures.start)}%` }} />
            <span data-kind="run" style={{ width: `max(${figures.run > 0 ? 2 : 0}px, ${share(figures.run)}%)` }} />
          </>
        )}
      </span>
      <span class="bar-says">
        {figures === undefined
          ? "not measured yet"
          : figures.start > 0
            ? `${milliseconds(figures.start)} start + ${milliseconds(figures.run)} run`
            : `${milliseconds(figures.run)} run`}
      </span>
    </div>
  );
}

function Samples() {
  const all = samples.value;
  if (all.length === 0) return null;
  return (
    <details class="panel samples">
      <summary>All {all.length} samples</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reached by the keyboard. */}
      <section class="samples-table" tabIndex={0} aria-label="Samples">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Kind</th>
              <th scope="col" class="number">
                Request
              </th>
              <th scope="col" class="number">
                Status
              </th>
              <th scope="col" class="number">
                Start
              </th>
              <th scope="col" class="number">
                Run
              </th>
              <th scope="col" class="number">
                Total
              </th>
            </tr>
          </thead>
          <tbody>
            {all.map(({ kind, index, status, start, run, total }) => (
              <tr key={`${kind} ${index}`}>
                <th scope="row">
                  <span class="kind" data-kind={kind}>
                    {kind === "cgi" ? "CGI" : "FastCGI"}
                  </span>
                </th>
                <td class="number">{index + 1}</td>
                <td class="number">{status}</td>
                <td class="number">{kind === "cgi" ? milliseconds(start) : "-"}</td>
                <td class="number">{milliseconds(run)}</td>
                <td class="number">{milliseconds(total)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}

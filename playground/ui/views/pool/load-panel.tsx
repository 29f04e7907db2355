// The load generator: what is sent, how much of it is done, how long it took.

import { Icon } from "../../components/icon.tsx";
import { Slider } from "../../components/slider.tsx";
import {
  form,
  type LoadForm,
  loadProblem,
  loadRuns,
  PRESETS,
  report,
  reportTotal,
  startLoad,
  stopLoad,
  TARGETS,
  type TargetId,
} from "./load.ts";

export function LoadPanel() {
  const { target, total, concurrency, rate } = form.value;
  const set = (change: Partial<LoadForm>) => {
    form.value = { ...form.value, ...change };
  };
  return (
    <section class="panel" aria-label="Load">
      <div class="panel-head">
        <h2>Load</h2>
        <div class="end">
          {loadRuns.value ? (
            <button type="button" class="button danger" onClick={stopLoad}>
              <Icon name="stop" />
              Stop
            </button>
          ) : (
            <button type="button" class="button primary" onClick={() => void startLoad()}>
              <Icon name="play" />
              Send
            </button>
          )}
        </div>
      </div>
      <div class="panel-body stack">
        <fieldset class="choices presets">
          <legend class="visually-hidden">Ready loads</legend>
          {PRESETS.map((preset) => (
            <button
              key={preset.title}
              type="button"
              class="button small"
              title={preset.about}
              disabled={loadRuns.value}
              onClick={() => void startLoad(preset.form)}
            >
              {preset.title}
            </button>
          ))}
        </fieldset>
        <label class="field">
          <span class="label">Request</span>
          <select
            class="input"
            value={target}
            onChange={(event) => set({ target: event.currentTarget.value as TargetId })}
          >
            {TARGETS.map(({ id, title }) => (
              <option key={id} value={id}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <div class="slider-list">
          <Slider
            name="requests"
            min={10}
            max={5000}
            step={10}
            value={total}
            onChange={(value) => set({ total: value })}
          />
          <Slider
            name="at a time"
            min={1}
            max={64}
            value={concurrency}
            onChange={(value) => set({ concurrency: value })}
          />
          <Slider
            name="most a second"
            min={0}
            max={500}
            step={5}
            value={rate}
            text={rate === 0 ? "no bound" : `${rate}`}
            onChange={(value) => set({ rate: value })}
          />
        </div>
        <Report />
      </div>
    </section>
  );
}

function Report() {
  const shown = report.value;
  if (loadProblem.value !== undefined) {
    return (
      <p class="failure" role="alert">
        {loadProblem.value}
      </p>
    );
  }
  if (shown === undefined) {
    return loadRuns.value ? (
      <p class="hint" role="status">
        The first requests are on their way
      </p>
    ) : null;
  }
  const { done, statuses, perSecond, latency, elapsed, finished } = shown;
  const total = reportTotal.value;
  return (
    <div class="load-report">
      <label class="load-progress">
        <span>
          <strong>{done.toLocaleString("en")}</strong> of {total.toLocaleString("en")}
          {finished && done < total && " (stopped)"}
        </span>
        <progress value={done} max={total} />
      </label>
      <p class="statuses">
        {Object.entries(statuses).map(([status, count]) => (
          <span key={status} class={`badge ${Number(status) < 400 ? "good" : "bad"}`}>
            {status}: {count.toLocaleString("en")}
          </span>
        ))}
        <span class="hint">in {(elapsed / 1000).toFixed(1)} s</span>
      </p>
      <dl class="figures">
        <div>
          <dt>a second</dt>
          <dd>{Math.round(perSecond).toLocaleString("en")}</dd>
        </div>
        <div>
          <dt>median</dt>
          <dd>{milliseconds(latency.p50)}</dd>
        </div>
        <div>
          <dt>95 %</dt>
          <dd>{milliseconds(latency.p95)}</dd>
        </div>
        <div>
          <dt>longest</dt>
          <dd>{milliseconds(latency.max)}</dd>
        </div>
      </dl>
    </div>
  );
}

function milliseconds(value: number): string {
  if (value >= 10_000) return `${(value / 1000).toFixed(1)} s`;
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

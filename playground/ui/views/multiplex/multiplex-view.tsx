// Several requests at once: on one connection, told apart by their ids, and on a connection each.

import { signal } from "@preact/signals";
import { Icon } from "../../components/icon.tsx";
import { pool } from "../../state/engine.ts";
import { shared } from "../../state/stored.ts";
import { busy, runBoth, runs } from "./run.ts";
import { RunPanel } from "./run-panel.tsx";
import "./multiplex.css";

const MOST = 8;

/** Ways to make the answers end in another order than they began. */
const PLANS = [
  { name: "longest", title: "the longest first", ms: (index: number, count: number) => 60 * (count - index) },
  { name: "shortest", title: "the shortest first", ms: (index: number) => 60 * (index + 1) },
  { name: "mixed", title: "long and short in turn", ms: (index: number) => (index % 2 === 0 ? 260 : 50) },
  { name: "alike", title: "all alike", ms: () => 120 },
] as const;
type PlanName = (typeof PLANS)[number]["name"];

const PIECES = 4;

function planned(plan: PlanName, count: number): string[] {
  const { ms } = PLANS.find(({ name }) => name === plan) ?? PLANS[0];
  return Array.from({ length: count }, (_, index) => `/slow.php?pieces=${PIECES}&ms=${ms(index, count)}`);
}

const plan = signal<PlanName>("longest");
const urls = shared<readonly string[]>(
  "multiplex",
  planned("longest", 4),
  (value): value is readonly string[] =>
    Array.isArray(value) && value.length > 0 && value.length <= MOST && value.every((url) => typeof url === "string"),
);

export function MultiplexView() {
  const { shared, own } = runs.value;
  const longest = Math.max(shared?.length ?? 0, own?.length ?? 0, 1);
  const children = pool.value?.config.maxChildren ?? 4;
  const count = urls.value.length;
  return (
    <div class="page multiplex">
      <div class="view-head">
        <h1>Multiplex</h1>
        <p>
          Requests sent all at once to scripts that print a piece, wait, and print the next. On one connection their
          records lie between one another, and the request id in each header says whose they are. Meanwhile pm is
          static, so that all children are there.
        </p>
      </div>
      <section class="panel" aria-label="Requests">
        <form
          class="multiplex-form"
          onSubmit={(event) => {
            event.preventDefault();
            void runBoth(urls.value);
          }}
        >
          <label class="field">
            <span class="label">
              Requests at once: <b>{count}</b>
            </span>
            <input
              type="range"
              min={2}
              max={MOST}
              value={count}
              onInput={(event) => {
                urls.value = planned(plan.value, Number(event.currentTarget.value));
              }}
            />
          </label>
          <label class="field">
            <span class="label">Delays</span>
            <select
              class="input"
              value={plan.value}
              onChange={(event) => {
                plan.value = event.currentTarget.value as PlanName;
                urls.value = planned(plan.value, count);
              }}
            >
              {PLANS.map(({ name, title }) => (
                <option key={name} value={name}>
                  {title}
                </option>
              ))}
            </select>
          </label>
          <button type="submit" class="button primary" disabled={busy.value}>
            <Icon name="play" />
            {busy.value ? "Running" : "Send them"}
          </button>
          {count > children && (
            <p class="hint">
              There are at most {children} children (pm.max_children): the rest waits in the listen queue for a while.
            </p>
          )}
          <details class="multiplex-urls">
            <summary>The requests one by one</summary>
            <div>
              {urls.value.map((url, index) => (
                <input
                  key={index}
                  class="input mono"
                  aria-label={`URL of request ${index + 1}`}
                  spellcheck={false}
                  value={url}
                  onInput={(event) => {
                    urls.value = urls.value.map((old, i) => (i === index ? event.currentTarget.value : old));
                  }}
                />
              ))}
            </div>
          </details>
        </form>
      </section>
      <div class="multiplex-runs">
        <RunPanel title="One shared connection" way="shared" run={shared} longest={longest} />
        <RunPanel title="A connection each" way="own" run={own} longest={longest} />
      </div>
    </div>
  );
}

// The ready scenarios: what is sent, and what should come of it.

import { signal } from "@preact/signals";
import { SCENARIOS } from "../../../engine/index.ts";
import { Icon } from "../../components/icon.tsx";
import { play, runningScenario, scenarioResult } from "./session.ts";

/** The scenario that is open. */
const openId = signal(SCENARIOS[0]?.id ?? "");

export function ScenarioPanel() {
  return (
    <section class="panel" aria-label="Scenarios">
      <div class="panel-head">
        <h2>Scenarios</h2>
        <span class="hint">ready to run</span>
      </div>
      <ul class="scenarios">
        {SCENARIOS.map((scenario) => {
          const { id, title, expectation, needsPhp } = scenario;
          const open = openId.value === id;
          const result = scenarioResult.value?.id === id ? scenarioResult.value : undefined;
          return (
            <li key={id} class="scenario" data-open={open || undefined}>
              <button
                type="button"
                class="scenario-title"
                aria-expanded={open}
                onClick={() => {
                  openId.value = open ? "" : id;
                }}
              >
                <Icon name="chevron" />
                <span>{title}</span>
                {result !== undefined && (
                  <span class={`badge ${result.complete ? "good" : "bad"}`}>
                    {result.complete ? "as expected" : "not as expected"}
                  </span>
                )}
              </button>
              {open && (
                <div class="scenario-more">
                  <p>{expectation}</p>
                  <div class="row">
                    <button
                      type="button"
                      class="button primary small"
                      disabled={runningScenario.value !== undefined}
                      onClick={() => void play(scenario)}
                    >
                      <Icon name="play" />
                      {runningScenario.value === id ? "Running" : "Run"}
                    </button>
                    {needsPhp && <span class="hint">runs a script</span>}
                  </div>
                </div>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

// The workbench: scripts, request and answer on one side, the wire and the chosen record on the other.

import { InspectorPanel } from "../wire/inspector-panel.tsx";
import { WirePanel } from "../wire/wire-panel.tsx";
import { AnswerPanel } from "./answer-panel.tsx";
import { RequestPanel } from "./request-panel.tsx";
import { ScriptPanel } from "./script-panel.tsx";
import { SIDES, side } from "./side.ts";
import "./workbench.css";

export function WorkbenchView() {
  return (
    <div class="workbench" data-side={side.value}>
      <h1 class="visually-hidden">Workbench</h1>
      <fieldset class="sides">
        <legend class="visually-hidden">Side of the workbench</legend>
        {SIDES.map(({ name, title }) => (
          <button
            key={name}
            type="button"
            class="tab"
            aria-pressed={side.value === name}
            onClick={() => {
              side.value = name;
            }}
          >
            {title}
          </button>
        ))}
      </fieldset>
      <div class="side" data-name="request">
        <ScriptPanel />
        <RequestPanel />
        <AnswerPanel />
      </div>
      <div class="side" data-name="wire">
        <WirePanel />
        <InspectorPanel />
      </div>
    </div>
  );
}

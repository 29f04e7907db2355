// Any bytes to the real application side: ready scenarios, composed records, raw hex; and what it says to them.

import { ComposePanel } from "./compose-panel.tsx";
import { ConnectionPanel } from "./connection-panel.tsx";
import { ScenarioPanel } from "./scenario-panel.tsx";
import "./break.css";

export function BreakView() {
  return (
    <div class="page break">
      <div class="view-head">
        <h1>Break it</h1>
        <p>
          What you send here goes to the real master, over a connection of its own, without a web server that would keep
          you from mistakes. What comes back is what any FastCGI client would get.
        </p>
      </div>
      <div class="break-columns">
        <ScenarioPanel />
        <ConnectionPanel />
        <ComposePanel />
      </div>
    </div>
  );
}

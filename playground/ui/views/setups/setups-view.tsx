// The same set-up for real servers: what to write into nginx, Apache, Caddy, php-fpm and edge-fpm.

import { computed } from "@preact/signals";
import { PING_PATH, STATUS_PATH } from "../../../engine/index.ts";
import { Tabs } from "../../components/tabs.tsx";
import { php } from "../../state/engine.ts";
import { check, checkedNumbers } from "../../state/pool-numbers.ts";
import { draft } from "../../state/workspace.ts";
import { choices, DEFAULT_CHOICES, shown, showSetup } from "./choices.ts";
import { ChoicesPanel } from "./choices-panel.tsx";
import type { Setup } from "./setup.ts";
import { SetupText } from "./setup-text.tsx";
import { setupTexts } from "./texts.ts";
import "./setups.css";

const setup = computed<Setup>(() => ({
  ...choices.value,
  root: choices.value.root || "/var/www/html",
  host: choices.value.host || "example.org",
  php: php.value.version,
  connections: draft.value.connections,
  pool: checkedNumbers.value.config,
  statusPath: STATUS_PATH,
  pingPath: PING_PATH,
}));

/** Where the playground begins: lines that differ from it are marked. */
const INITIAL: Setup = {
  ...DEFAULT_CHOICES,
  php: php.peek().version,
  connections: "own",
  pool: check({}).config,
  statusPath: STATUS_PATH,
  pingPath: PING_PATH,
};

export function SetupsView() {
  const texts = setupTexts(setup.value);
  const text = texts.find(({ id }) => id === shown.value) ?? texts[0];
  const initial = setupTexts(INITIAL).find(({ id }) => id === text?.id);
  return (
    <div class="page setups">
      <header class="view-head">
        <h1>Set-ups</h1>
        <p>
          What you have built here, for real servers. Each choice changes the playground too; lines that differ from
          where it began are marked.
        </p>
      </header>
      <div class="setups-grid">
        <ChoicesPanel />
        <section class="panel setup" aria-label="Configuration">
          <div class="panel-head">
            <Tabs
              label="Server"
              id="setup"
              tabs={texts.map(({ id, title }) => ({ name: id, title }))}
              selected={text?.id ?? shown.value}
              onSelect={showSetup}
            />
          </div>
          {text !== undefined && <SetupText text={text} initial={initial?.text ?? ""} />}
        </section>
      </div>
    </div>
  );
}

// What is chosen here. Connections, mode and numbers are the playground's own.

import { Slider } from "../../components/slider.tsx";
import { checkedNumbers, setNumbers } from "../../state/pool-numbers.ts";
import { hrefOf } from "../../state/route.ts";
import { draft, editDraft } from "../../state/workspace.ts";
import { choices } from "./choices.ts";
import { Segments } from "./segments.tsx";

export function ChoicesPanel() {
  const { root, host, listen, frontController } = choices.value;
  const { config, problems } = checkedNumbers.value;
  const set = (change: Partial<typeof choices.value>) => {
    choices.value = { ...choices.value, ...change };
  };
  const kept = draft.value.connections !== "own";
  return (
    <section class="panel" aria-label="Choices">
      <div class="panel-head">
        <h2>Choices</h2>
      </div>
      <div class="panel-body stack">
        <label class="field">
          <span class="label">Host name</span>
          <input
            class="input mono"
            value={host}
            onInput={(event) => set({ host: event.currentTarget.value.replaceAll(/[^\w.-]/g, "") })}
          />
        </label>
        <label class="field">
          <span class="label">Document root</span>
          <input
            class="input mono"
            value={root}
            onInput={(event) => set({ root: event.currentTarget.value.replaceAll(/[^\w./-]/g, "") })}
          />
        </label>
        <Segments
          title="Joined by"
          options={[
            ["unix", "Unix socket"],
            ["tcp", "TCP"],
          ]}
          value={listen}
          onChange={(value) => set({ listen: value })}
        />
        <Segments
          title="Connections"
          options={[
            ["own", "one a request"],
            ["kept", "kept"],
          ]}
          value={kept ? "kept" : "own"}
          onChange={(connections) => editDraft({ connections })}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={frontController}
            onChange={(event) => set({ frontController: event.currentTarget.checked })}
          />
          index.php answers for every path
        </label>
        <Segments
          title="pm"
          options={[
            ["static", "static"],
            ["dynamic", "dynamic"],
            ["ondemand", "ondemand"],
          ]}
          value={config.pm}
          onChange={(pm) => void setNumbers({ pm })}
        />
        <div class="slider-list">
          <Slider
            name="pm.max_children"
            min={1}
            max={10}
            value={config.maxChildren}
            onChange={(value) => void setNumbers({ maxChildren: value })}
          />
          <Slider
            name="pm.max_requests"
            min={0}
            max={100}
            value={config.maxRequests}
            text={config.maxRequests === 0 ? "off" : String(config.maxRequests)}
            onChange={(value) => void setNumbers({ maxRequests: value })}
          />
        </div>
        {problems.length > 0 && (
          <p class="failure" role="alert">
            php-fpm would not start: {problems.map(({ directive, value }) => `${directive} = ${value}`).join(", ")}.
          </p>
        )}
        <p class="hint">
          All numbers are in the <a href={hrefOf("pool")}>pool</a>.
        </p>
      </div>
    </section>
  );
}

// The chosen record of a capture: its bytes and what they mean, and the states of both sides.

import { useSignal } from "@preact/signals";
import { annotate } from "../../../../src/capture/annotate.ts";
import type { FollowedItem } from "../../../../src/capture/follow.ts";
import { AnnotatedBytes } from "../../components/annotated-bytes.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { StateDiagram } from "../wire/state-diagram.tsx";
import { titleOf } from "./item-text.ts";
import { item } from "./open.ts";
import "../wire/inspector.css";

const PARTS = [
  { name: "bytes", title: "Bytes" },
  { name: "states", title: "States" },
] as const;

export function CaptureInspector() {
  const followed = item.value;
  const part = useSignal<"bytes" | "states">("bytes");
  if (followed === undefined || !("bytes" in followed.item)) {
    return (
      <section class="panel inspector" aria-label="Inspector">
        <p class="empty">{followed === undefined ? "Choose a record." : "There are no bytes here."}</p>
      </section>
    );
  }
  const { bytes } = followed.item;
  const name = titleOf(followed);
  const annotation = annotate(bytes, { before: followed.paramsBefore });
  const problems = [...new Set([...followed.problems, ...annotation.problems])];
  return (
    <section class="panel inspector" aria-label="Inspector">
      <div class="panel-head">
        <h2 class="mono">{name}</h2>
        <Tabs
          label="Parts of the record"
          id="capture"
          tabs={PARTS}
          selected={part.value}
          onSelect={(name) => {
            part.value = name;
          }}
        />
      </div>
      <p class="inspector-summary">{annotation.summary}</p>
      {problems.length > 0 && <p class="inspector-problems">{problems.join("; ")}</p>}
      <div
        class="inspector-part"
        id="capture-part"
        role="tabpanel"
        aria-labelledby={`capture-tab-${part.value}`}
        tabIndex={part.value === "states" ? 0 : undefined}
      >
        {part.value === "bytes" ? (
          <AnnotatedBytes key={followed.index} bytes={bytes} annotation={annotation} label={name} />
        ) : (
          <States followed={followed} />
        )}
      </div>
    </section>
  );
}

function States({ followed }: { readonly followed: FollowedItem }) {
  const { before, after, webServerInput, applicationInput, request } = followed;
  if (request === undefined) return <p class="empty">It belongs to no request: no state changes.</p>;
  const filter = [before, after].some(({ webServer, application }) => `${webServer} ${application}`.includes("data"));
  return (
    <div class="states-pair">
      <StateDiagram
        side="web-server"
        title="web server"
        before={before.webServer}
        after={after.webServer}
        input={webServerInput}
        filter={filter}
      />
      <StateDiagram
        side="application"
        title="application"
        before={before.application}
        after={after.application}
        input={applicationInput}
        filter={filter}
      />
    </div>
  );
}

// One server's configuration: its lines, those that differ, a button to copy them.

import { useState } from "preact/hooks";
import { Icon } from "../../components/icon.tsx";
import { copyText } from "../../state/share.ts";
import { changedLines } from "./changed-lines.ts";
import type { SetupText as Text } from "./texts.ts";

export function SetupText({
  text: { id, file, text, note },
  initial,
}: {
  readonly text: Text;
  readonly initial: string;
}) {
  const changed = changedLines(initial, text);
  const lines = text.trimEnd().split("\n");
  const count = lines.filter((_, index) => changed[index]).length;
  return (
    <div id="setup-part" class="setup-text" role="tabpanel" aria-labelledby={`setup-tab-${id}`}>
      <div class="setup-tools">
        <code class="setup-file">{file}</code>
        {count > 0 && <span class="badge">{count === 1 ? "1 line differs" : `${count} lines differ`}</span>}
        <Copy text={text} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reached by the keyboard. */}
      <section class="setup-lines" tabIndex={0} aria-label={file}>
        <pre>
          {lines.map((line, index) => (
            // The text is part of the key: a line that changes is a new one, and shows it.
            <span key={`${index} ${line}`} class="line" data-changed={changed[index]}>
              {line}
              {"\n"}
            </span>
          ))}
        </pre>
      </section>
      <p class="setup-note">{note}</p>
    </div>
  );
}

function Copy({ text }: { readonly text: string }) {
  const [state, setState] = useState<"" | "copied" | "refused">("");
  const copy = async (button: Element) => {
    const done = await copyText(text);
    setState(done ? "copied" : "refused");
    setTimeout(() => setState(""), 2500);
    // Where copying is not allowed, what is to be copied is at least selected.
    const lines = button.closest(".setup-text")?.querySelector("pre");
    if (!done && lines !== null && lines !== undefined) getSelection()?.selectAllChildren(lines);
  };
  return (
    <span class="copy">
      <span role="status" class={state === "refused" ? "hint" : "visually-hidden"}>
        {state === "copied" && "Copied"}
        {state === "refused" && "Selected: press Ctrl+C"}
      </span>
      <button type="button" class="button small" onClick={(event) => void copy(event.currentTarget)}>
        <Icon name={state === "copied" ? "check" : "copy"} />
        {state === "copied" ? "Copied" : "Copy"}
      </button>
    </span>
  );
}

// The scripts of the site: a tab each, the editor below.

import { useState } from "preact/hooks";
import { EXAMPLES } from "../../../engine/index.ts";
import { Icon } from "../../components/icon.tsx";
import { LazyCodeEditor } from "../../components/lazy-code-editor.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { UnkeptNote } from "../../components/unkept-note.tsx";
import { draft, draftOf, EXAMPLE_SCRIPTS, openScript, scripts } from "../../state/workspace.ts";
import { sendDraft } from "./send.ts";

export function ScriptPanel() {
  const path = openScript.value;
  const text = scripts.value[path];
  const example = EXAMPLES.find((one) => one.path === path);
  const edit = (changed: string) => {
    scripts.value = { ...scripts.peek(), [path]: changed };
  };
  return (
    <section class="panel scripts" aria-label="Scripts">
      <div class="panel-head">
        <ScriptTabs />
        <div class="end">
          {example !== undefined && text !== example.source && (
            <button type="button" class="button quiet small" onClick={() => edit(example.source)}>
              <Icon name="refresh" />
              As it was
            </button>
          )}
          <AddScript />
        </div>
      </div>
      <div class="script-part" id="script-part" role="tabpanel" aria-labelledby={`script-tab-${path}`}>
        {example !== undefined && <p class="about">{example.about}</p>}
        <UnkeptNote name="scripts" what="the scripts" />
        {text === undefined ? (
          <p class="empty">No script here.</p>
        ) : (
          <LazyCodeEditor
            name={path}
            text={text}
            current={() => scripts.peek()[path]}
            label={`Script ${path}`}
            onChange={edit}
            onRun={sendDraft}
          />
        )}
      </div>
    </section>
  );
}

function ScriptTabs() {
  const select = (path: string) => {
    openScript.value = path;
    const example = EXAMPLES.find((one) => one.path === path);
    draft.value = example === undefined ? { ...draft.value, url: path } : draftOf(example.request);
  };
  return (
    <Tabs
      label="Scripts"
      id="script"
      tabs={Object.keys(scripts.value).map((name) => ({
        name,
        title: (
          <>
            {name.slice(1)}
            {EXAMPLE_SCRIPTS[name] !== scripts.value[name] && <span class="edited" title="edited" />}
          </>
        ),
      }))}
      selected={openScript.value}
      onSelect={select}
      manual={true}
    />
  );
}

/** Adds a script, or removes the one that is open when it is no example. */
function AddScript() {
  const [naming, setNaming] = useState(false);
  const path = openScript.value;
  const remove = () => {
    const { [path]: _, ...rest } = scripts.value;
    scripts.value = rest;
    openScript.value = Object.keys(rest)[0] ?? "";
  };
  if (naming) {
    return (
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const name = String(new FormData(event.currentTarget).get("name")).replace(/^\/*/, "");
          setNaming(false);
          if (!/^[\w./-]+\.php$/.test(name)) return;
          scripts.value = { ...scripts.value, [`/${name}`]: scripts.value[`/${name}`] ?? "<?php\n\n" };
          openScript.value = `/${name}`;
          draft.value = { ...draft.value, url: `/${name}` };
        }}
      >
        <label class="visually-hidden" for="new-script">
          Name of the new script, ending in .php
        </label>
        <input
          class="input"
          id="new-script"
          name="name"
          placeholder="name.php"
          pattern="[\w.\/\-]+\.php"
          ref={(input) => input?.focus()}
          onBlur={() => setNaming(false)}
        />
      </form>
    );
  }
  return (
    <>
      {path in scripts.value && !(path in EXAMPLE_SCRIPTS) && (
        <button type="button" class="button quiet small" onClick={remove}>
          <Icon name="trash" />
          <span class="visually-hidden">Remove {path}</span>
        </button>
      )}
      <button type="button" class="button quiet small" onClick={() => setNaming(true)}>
        <Icon name="plus" />
        <span class="visually-hidden">New script</span>
      </button>
    </>
  );
}

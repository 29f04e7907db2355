// The editor, fetched after the rest of the page: until it is there, the script is only to be read.

import { signal } from "@preact/signals";
import type { CodeEditor, CodeEditorProps } from "./code-editor.tsx";

const editor = signal<typeof CodeEditor | undefined>(undefined);
let asked = false;

export function LazyCodeEditor(props: CodeEditorProps) {
  const Editor = editor.value;
  if (Editor !== undefined) return <Editor {...props} />;
  if (!asked) {
    asked = true;
    void import("./code-editor.tsx").then((module) => {
      // A function in a signal: not to be called by it.
      editor.value = module.CodeEditor;
    });
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reached by the keyboard.
    <section class="code-editor raw-code" aria-label={props.label} tabIndex={0}>
      <pre>{props.text}</pre>
    </section>
  );
}

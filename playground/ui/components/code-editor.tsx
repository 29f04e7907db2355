// An editor for PHP: CodeMirror, in the page's colours.

import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { phpLanguage } from "@codemirror/lang-php";
import {
  bracketMatching,
  defaultHighlightStyle,
  HighlightStyle,
  indentOnInput,
  indentUnit,
  LanguageSupport,
  syntaxHighlighting,
} from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "preact/hooks";

export interface CodeEditorProps {
  /** Another name is another document, with a history of its own. */
  readonly name: string;
  readonly text: string;
  /** The text as it is now: newer than `text` while keys are pressed faster than the page is drawn. */
  readonly current: () => string | undefined;
  readonly label: string;
  readonly onChange: (text: string) => void;
  /** Ctrl+Enter, Cmd+Enter. */
  readonly onRun: () => void;
}

const theme = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--surface)", color: "var(--text)", fontSize: "var(--text-s)" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--text-3)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--surface-2)" },
  "&.cm-focused": { outline: "2px solid var(--focus)", outlineOffset: "-2px" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--accent-soft) !important" },
});

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.controlKeyword, tags.processingInstruction], color: "var(--request-6)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--request-3)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--request-2)" },
  { tag: [tags.comment], color: "var(--text-3)", fontStyle: "italic" },
  { tag: [tags.variableName, tags.special(tags.variableName)], color: "var(--request-1)" },
  { tag: [tags.function(tags.variableName), tags.className, tags.tagName], color: "var(--request-7)" },
  { tag: [tags.attributeName], color: "var(--request-5)" },
]);

export function CodeEditor({ name, text, current, label, onChange, onRun }: CodeEditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<EditorView | undefined>(undefined);
  // The editor keeps its handlers for as long as it lives; these are always the latest.
  const latest = useRef({ onChange, onRun });
  latest.current = { onChange, onRun };

  useEffect(() => {
    if (host.current === null) return;
    const view = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers(),
          history(),
          drawSelection(),
          indentOnInput(),
          indentUnit.of("    "),
          bracketMatching(),
          closeBrackets(),
          highlightActiveLine(),
          new LanguageSupport(phpLanguage),
          syntaxHighlighting(colours),
          syntaxHighlighting(defaultHighlightStyle, { fallback: true }),
          theme,
          EditorView.contentAttributes.of({
            "aria-label": label,
            "aria-description": "Escape, then Tab leaves the editor",
            tabindex: "0",
          }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString());
          }),
          keymap.of([
            {
              key: "Mod-Enter",
              run: () => {
                latest.current.onRun();
                return true;
              },
            },
            ...closeBracketsKeymap,
            ...defaultKeymap,
            ...historyKeymap,
            indentWithTab,
          ]),
        ],
      }),
    });
    editor.current = view;
    return () => view.destroy();
  }, [name]);

  // A change from elsewhere: an example taken back, a permalink opened.
  useEffect(() => {
    const view = editor.current;
    const now = current();
    if (view === undefined || now === undefined || view.state.doc.toString() === now) return;
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: now } });
  }, [text]);

  return <div class="code-editor" ref={host} />;
}

// The permalink in a field: for browsers that do not let a page copy.

import { useEffect, useRef } from "preact/hooks";
import { linkToCopy } from "../state/share.ts";

export function LinkField() {
  const link = linkToCopy.value;
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (link === undefined) return;
    dialog.current?.showModal();
    dialog.current?.querySelector("input")?.select();
  }, [link]);
  if (link === undefined) return null;
  const close = () => {
    linkToCopy.value = undefined;
  };
  return (
    <dialog class="link-field" ref={dialog} aria-labelledby="link-field-title" onClose={close}>
      <h2 id="link-field-title">Link to this page as it is</h2>
      <p class="hint">The browser does not let the page copy. Press Ctrl+C (Cmd+C) while the link is selected.</p>
      <input class="input mono" aria-label="Link" readOnly value={link} />
      <button type="button" class="button primary" onClick={() => dialog.current?.close()}>
        Done
      </button>
    </dialog>
  );
}

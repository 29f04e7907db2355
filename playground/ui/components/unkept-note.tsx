// Says that something would be lost with the page.

import { unkept } from "../state/stored.ts";

export function UnkeptNote({ name, what }: { readonly name: string; readonly what: string }) {
  if (!unkept.value.has(name)) return null;
  return (
    <p class="unkept" role="status">
      This browser does not keep {what}: too big, or it keeps nothing for this page. A reload brings back what it kept
      last.
    </p>
  );
}

// The "Send" button.

import { send } from "../../state/visits.ts";
import { draft } from "../../state/workspace.ts";

export function sendDraft(): void {
  void send(draft.value);
}

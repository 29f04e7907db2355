// Permalinks: scripts, request, pool, version of PHP, view and step of the tour in the address, packed. Nothing is sent to
// any server: what follows `#` stays in the browser.

import { signal } from "@preact/signals";
import type { PoolConfigInput } from "../../engine/index.ts";
import { TOUR_PARAMETER, tourOpen, tourStep } from "../views/tour/state.ts";
import { fromBase64, toBase64Url } from "./base64.ts";
import { PHP_PARAMETER, php } from "./engine.ts";
import { numbers, setNumbers } from "./pool-numbers.ts";
import { hrefOf, parameters, view } from "./route.ts";
import { sharedValues, takeSharedValues } from "./stored.ts";
import { draft, EXAMPLE_SCRIPTS, openScript, type RequestDraft, type Scripts, scripts } from "./workspace.ts";

/** The parameter that holds what is packed. */
const PACKED_PARAMETER = "s";

/** Most bytes that a link unpacks to: some more than any link of ours. */
const MAX_UNPACKED = 4 * 1024 * 1024;

/** What a permalink restores. Scripts that are as in the examples are left out; `null`: an example that was removed. */
interface Shared {
  readonly scripts: Readonly<Record<string, string | null>>;
  readonly open: string;
  readonly request: RequestDraft;
  readonly pool: PoolConfigInput;
  /** What the views keep for themselves: requests of Multiplex, composed records, choices of set-ups. */
  readonly views: Readonly<Record<string, unknown>>;
}

/** True for a moment after a link was copied. */
export const copied = signal(false);
/** The link, where the browser did not let us copy it: to be shown in a field. */
export const linkToCopy = signal<string | undefined>(undefined);

/** The address of all of this as it is. */
export async function permalink(): Promise<string> {
  const shared: Shared = {
    scripts: changedScripts(),
    open: openScript.value,
    request: draft.value,
    pool: numbers.value,
    views: sharedValues(),
  };
  const query = new URLSearchParams({ [PHP_PARAMETER]: php.value.version });
  if (tourOpen.value) query.set(TOUR_PARAMETER, tourStep.value);
  query.set(PACKED_PARAMETER, await pack(JSON.stringify(shared)));
  return new URL(hrefOf(view.value, query), location.href).href;
}

/** Copies the address, or shows it where copying is not allowed. */
export async function copyPermalink(): Promise<void> {
  const link = await permalink();
  if (!(await copyText(link))) {
    linkToCopy.value = link;
    return;
  }
  copied.value = true;
  setTimeout(() => {
    copied.value = false;
  }, 1500);
}

/** False where the browser does not allow it: plain http, a frame, no permission. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Takes what the address carries, once, when the page is opened with it. A link that cannot be read changes nothing. */
export async function openPermalink(): Promise<void> {
  const packed = parameters.peek().get(PACKED_PARAMETER);
  if (packed === null) return;
  forget();
  let shared: Partial<Shared>;
  try {
    shared = JSON.parse(await unpack(packed)) as Partial<Shared>;
  } catch {
    return;
  }
  const restored = withChanges(shared.scripts ?? {});
  scripts.value = restored;
  draft.value = { ...draft.value, ...shared.request };
  takeSharedValues(shared.views ?? {});
  if (shared.open !== undefined && shared.open in restored) openScript.value = shared.open;
  if (shared.pool !== undefined) await setNumbers(shared.pool);
}

/** A reload must not bring back what the link had: what was edited since is kept by the browser. */
function forget(): void {
  const query = new URLSearchParams(parameters.peek());
  query.delete(PACKED_PARAMETER);
  window.history.replaceState(null, "", hrefOf(view.peek(), query));
}

function changedScripts(): Shared["scripts"] {
  const changed = Object.entries(scripts.value).filter(([path, text]) => EXAMPLE_SCRIPTS[path] !== text);
  const removed = Object.keys(EXAMPLE_SCRIPTS).filter((path) => !(path in scripts.value));
  return { ...Object.fromEntries(changed), ...Object.fromEntries(removed.map((path) => [path, null])) };
}

function withChanges(changes: Shared["scripts"]): Scripts {
  const all: Record<string, string> = { ...EXAMPLE_SCRIPTS };
  for (const [path, text] of Object.entries(changes)) {
    if (typeof text === "string") all[path] = text;
    else delete all[path];
  }
  return all;
}

async function pack(text: string): Promise<string> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return toBase64Url(bytes);
}

/** @throws when it is not what `pack` made, or unpacks to too much */
async function unpack(packed: string): Promise<string> {
  const stream = new Blob([fromBase64(packed)]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_UNPACKED) throw new Error("a link that unpacks to too much");
  }
  return text + decoder.decode();
}

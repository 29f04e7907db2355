// Permalinks: scripts, request, pool and view in the address, packed. Nothing is sent to any server: what follows `#` stays
// in the browser.

import { signal } from "@preact/signals";
import type { PoolConfigInput } from "../../engine/index.ts";
import { fromBase64, toBase64Url } from "./base64.ts";
import { engine, pool } from "./engine.ts";
import { hrefOf, parameters, view } from "./route.ts";
import { draft, EXAMPLE_SCRIPTS, type RequestDraft, type Scripts, scripts } from "./workspace.ts";

/** What a permalink restores. Scripts that are as in the examples are left out. */
interface Shared {
  readonly scripts: Scripts;
  readonly request: RequestDraft;
  readonly pool?: PoolConfigInput;
}

/** True for a moment after a link was copied. */
export const copied = signal(false);

export async function copyPermalink(): Promise<void> {
  const changed = Object.entries(scripts.value).filter(([path, text]) => EXAMPLE_SCRIPTS[path] !== text);
  const config = pool.value?.config;
  const shared: Shared = {
    scripts: Object.fromEntries(changed),
    request: draft.value,
    ...(config !== undefined && {
      pool: {
        pm: config.pm,
        maxChildren: config.maxChildren,
        startServers: config.startServers,
        minSpareServers: config.minSpareServers,
        maxSpareServers: config.maxSpareServers,
        maxRequests: config.maxRequests,
      },
    }),
  };
  const query = new URLSearchParams({ s: await pack(JSON.stringify(shared)) });
  const link = new URL(hrefOf(view.value, query), location.href).href;
  history.replaceState(null, "", link);
  await navigator.clipboard?.writeText(link).catch(() => {});
  copied.value = true;
  setTimeout(() => {
    copied.value = false;
  }, 1500);
}

/** Takes what the address carries, once, when the page is opened with it. A link that cannot be read changes nothing. */
export async function openPermalink(): Promise<void> {
  const packed = parameters.peek().get("s");
  if (packed === null) return;
  let shared: Shared;
  try {
    shared = JSON.parse(await unpack(packed)) as Shared;
  } catch {
    return;
  }
  scripts.value = { ...EXAMPLE_SCRIPTS, ...shared.scripts };
  draft.value = { ...draft.value, ...shared.request };
  if (shared.pool !== undefined) await engine.pool.configure(shared.pool).catch(() => {});
}

async function pack(text: string): Promise<string> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return toBase64Url(bytes);
}

async function unpack(packed: string): Promise<string> {
  const stream = new Blob([fromBase64(packed)]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).text();
}

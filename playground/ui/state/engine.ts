// The engine, and what it tells, as signals. The one place where the page's views meet it.

import { effect, signal } from "@preact/signals";
import {
  createEngine,
  type Engine,
  type EngineLog,
  type PhpState,
  type PoolSnapshot,
  type SentMail,
} from "../../engine/index.ts";
import { parameters } from "./route.ts";
import { scripts } from "./workspace.ts";

/** Lines of the logs that are kept. */
const MAX_LOGS = 500;

/** Bytes of mails that are kept, beside the last one. */
const MAX_MAILS = 8 * 1024 * 1024;

/** The parameter of the address that names a version of PHP. */
export const PHP_PARAMETER = "php";

export const engine = start();

export const php = signal<PhpState>(engine.php);
export const pool = signal<PoolSnapshot | undefined>(undefined);
export const logs = signal<readonly EngineLog[]>([]);
/** The last ones first. */
export const mails = signal<readonly SentMail[]>([]);
/** Grows whenever `engine.wire.events` has changed. */
export const wireVersion = signal(0);
export const failure = signal<string | undefined>(undefined);

engine.on("php", (state) => {
  php.value = state;
});
engine.on("pool", (snapshot) => {
  pool.value = snapshot;
});
engine.on("log", (entry) => {
  logs.value = [...logs.value.slice(-MAX_LOGS + 1), entry];
});
engine.on("wire", () => {
  wireVersion.value += 1;
});
engine.on("mail", (mail) => {
  let bytes = 0;
  mails.value = [
    mail,
    ...mails.value.filter(({ raw }) => {
      bytes += raw.length;
      return bytes < MAX_MAILS;
    }),
  ];
});
engine.on("failure", (error) => {
  failure.value = `${error.message} (${error.code})`;
});

// An edited script counts from the next request on.
let known = scripts.peek();
effect(() => {
  const now = scripts.value;
  const changes: Record<string, string | null> = {};
  for (const [path, text] of Object.entries(now)) if (known[path] !== text) changes[path] = text;
  for (const path of Object.keys(known)) if (!(path in now)) changes[path] = null;
  known = now;
  if (Object.keys(changes).length > 0) void engine.files.change(changes);
});

/** With the version of the address; with the newest when that one was not built in. */
function start(): Engine {
  const files = scripts.peek();
  const version = parameters.peek().get(PHP_PARAMETER);
  if (version === null) return createEngine({ files });
  try {
    return createEngine({ files, php: version });
  } catch {
    return createEngine({ files });
  }
}

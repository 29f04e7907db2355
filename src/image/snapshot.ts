// The snapshot of a build: the application's interpreter, started here as a child of the deployment would start it, warmed
// by the requests that the configuration names, and taken as a module of the Worker.

import { deflateRawSync } from "node:zlib";
import { FileService, MemoryHome } from "../fs/index.ts";
import { MailError } from "../mail/index.ts";
import type { PhpGlue } from "../php/glue.ts";
import type { Snapshot } from "../php/snapshot/portable.ts";
import { readArchive } from "../php/zip.ts";
import { archiveBase } from "../platform/workers/archive-base.ts";
import { WorkerWire } from "../platform/workers/child-wire.ts";
import { FORGET_PATH, ResidentInterpreter } from "../platform/workers/interpreter.ts";
import { filesOf, SCRATCH_DIRECTORIES } from "../platform/workers/interpreter-parts.ts";
import { serveChild } from "../platform/workers/serve-child.ts";
import type { EdgeSettings } from "../platform/workers/settings.ts";
import { writeSnapshotModule } from "../platform/workers/snapshot-module.ts";
import { memoryPair } from "../transport/memory.ts";
import { ImageError } from "./errors.ts";
import { megabytes } from "./limits.ts";
import type { PhpImage } from "./php-image.ts";
import { warmUpGateway, warmUpRequest } from "./warm-up.ts";

/** What a snapshot is made of. */
export interface SnapshotParts {
  readonly key: string;
  readonly image: PhpImage;
  readonly archive: Uint8Array;
  /** Text of the application's php.ini. */
  readonly ini: string;
  readonly certificates: string;
  readonly settings: EdgeSettings;
  /** Environment of the scripts while it is made; none of it is in the snapshot. */
  readonly variables: Readonly<Record<string, string>>;
  /** Paths ("/", "/blog?page=2") or URLs, asked for in this order. */
  readonly warmUp: readonly string[];
  /** Milliseconds that a request of them may take. */
  readonly longest: number;
  /** Most bytes of the module. */
  readonly room: number;
}

export interface BuiltSnapshot {
  /** The module. Absent: there is none, and `problems` says why. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly problems: readonly string[];
}

/** Largest content that is not compressed: it and the memory that it fills must fit an isolate, with room to grow. */
const LARGEST_RAW = 28 * 1024 * 1024;

/** What says where the content belongs takes less. */
const ROOM_FOR_RUNS = 1024 * 1024;

/** Lines about the warm-up, at most. */
const MOST_PROBLEMS = 20;

/** Names the child to the store that is thrown away. */
const NAME = "edge-fpm build";

/**
 * Makes it. What the warm-up writes goes to a store of its own in memory, which is gone afterwards; it reaches no network
 * and sends no mail. Without a snapshot children start as they always did. A script that never waits and never ends holds the
 * thread for ever: see `snapshotInThread`.
 *
 * @param onBegin told what is done next
 * @throws {ImageError} `IMAGE_PHP_START`
 */
export async function makeSnapshot(parts: SnapshotParts, onBegin: (what: string) => void): Promise<BuiltSnapshot> {
  const obstacle = obstacleTo(parts.ini);
  if (obstacle !== undefined) return { problems: [`no snapshot was made: ${obstacle}`] };
  const problems: string[] = [];
  const interpreter = new ResidentInterpreter({
    ...filesOf(parts.archive, parts.settings.mount, (message) => problems.push(message)),
    glue: await loadGlue(parts.image),
    wasm: await WebAssembly.compile(parts.image.wasm),
    ini: parts.ini,
    certificates: parts.certificates,
    environment: parts.variables,
    maxRequests: 0,
  });
  try {
    await warm(interpreter, parts, problems, onBegin);
    onBegin("the end of the warm-up");
    await forget(interpreter, parts);
    const bytes = moduleOf(interpreter.take(parts.key), parts.room);
    if (bytes.length > parts.room) throw new Error(`it has ${megabytes(bytes.length)}, and Cloudflare takes no more`);
    return { bytes, problems: problems.slice(0, MOST_PROBLEMS) };
  } catch (error) {
    if (error instanceof ImageError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    return { problems: [...problems.slice(0, MOST_PROBLEMS), `no snapshot was made: ${reason}`] };
  } finally {
    interpreter.discard();
  }
}

/** As it is where there is room: inflating takes longer than reading. */
function moduleOf(snapshot: Snapshot, room: number): Uint8Array<ArrayBuffer> {
  const fits = snapshot.bytes.length <= LARGEST_RAW && snapshot.bytes.length + ROOM_FOR_RUNS <= room;
  return writeSnapshotModule(snapshot, fits ? undefined : (bytes) => deflateRawSync(bytes, { level: 9 }));
}

function obstacleTo(ini: string): string | undefined {
  if (!("Suspending" in WebAssembly)) return `Node ${process.versions.node} cannot run the edge's PHP; Node 24 can`;
  const variable = /^[^;\n]*\$\{[^}\n]*\}/m.exec(ini)?.[0].trim();
  return (
    variable && `php.ini has "${variable}": such a value comes from the deployment's environment when PHP starts there`
  );
}

/** Each build has its own: an import of the same text would give the same module. */
async function loadGlue({ glue }: PhpImage): Promise<PhpGlue> {
  return (await import(`data:text/javascript;base64,${Buffer.from(glue).toString("base64")}`)) as PhpGlue;
}

/** One life of a child, behind the gateway of the deployment. */
async function warm(
  interpreter: ResidentInterpreter,
  parts: SnapshotParts,
  problems: string[],
  onBegin: (what: string) => void,
): Promise<void> {
  const { key, archive, settings, warmUp, longest } = parts;
  const { mount, files: limits = {}, mail } = settings;
  const base = archiveBase(archive, { version: key, mount, directories: SCRATCH_DIRECTORIES });
  const service = new FileService(new MemoryHome(), { base, limits, time: Date.now() });
  const [master, child] = memoryPair();
  const life = serveChild(child, interpreter, {
    name: NAME,
    files: ({ life, message }) =>
      new Promise((resolve) => {
        service.receive(life, message, Date.now(), resolve);
      }),
    mail: {
      ...mail,
      send: () => Promise.reject(new MailError("MAIL_NO_ROUTE", "no mail is sent while an application is built")),
    },
    log: (line) => problems.push(line),
  });
  const wire = new WorkerWire(
    master,
    () => service.beginOf(NAME),
    () => service.restOf(NAME),
  );
  try {
    await wire.ready.catch((cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ImageError("IMAGE_PHP_START", `PHP does not start, here or at the edge: ${reason}`, { cause });
    });
    const gateway = warmUpGateway(settings, archive, wire.exchange);
    for (const url of warmUp) {
      onBegin(`the warm-up of ${url}`);
      const problem = await warmUpRequest(gateway, url, longest);
      if (problem !== undefined) problems.push(`warm-up of ${url}: ${problem}`);
      await wire.whenIdle();
    }
  } finally {
    wire.close();
    await life;
    interpreter.files.detach();
  }
}

/** What was written is gone, and so is the memory of it: looked-up paths, and code of files that are not the archive's. */
async function forget(interpreter: ResidentInterpreter, { archive, settings }: SnapshotParts): Promise<void> {
  const { host, start } = await interpreter.start({});
  if (start.how !== "resident") throw new Error("the warm-up left the interpreter broken, or its memory too large");
  const times = Object.fromEntries(
    readArchive(archive).map(({ path, modified }) => [`${settings.mount}/${path}`, Math.floor(modified / 1000)]),
  );
  let said = "";
  const hear = (text: string) => {
    said += text;
  };
  const body = new TextEncoder().encode(JSON.stringify(times));
  await host.run(
    { scriptFilename: FORGET_PATH, params: [["REQUEST_METHOD", "POST"]], body },
    {
      headers() {},
      stdout: (chunk) => hear(new TextDecoder().decode(chunk)),
      stderr() {},
      log: hear,
      finishRequest() {},
    },
  );
  if (said !== "") throw new Error(said);
}

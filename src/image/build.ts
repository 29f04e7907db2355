// From an application's folder to what is deployed: Node's side, everything put together. The result is a folder that
// wrangler takes as it is.

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { rootCertificates } from "node:tls";
import createIgnore from "ignore";
import type { PoolConfigInput } from "../fpm/config.ts";
import type { GatewayConfig } from "../gateway/config/config.ts";
import { noSuchExtension, splitExtensions } from "../php/extensions.ts";
import { decodeSnapshot } from "../php/snapshot/encode.ts";
import { snapshotKey } from "../php/snapshot/key.ts";
import { type EdgeEnvironment, scriptEnvironment } from "../platform/workers/environment.ts";
import type { EdgeSettings } from "../platform/workers/settings.ts";
import {
  type Application,
  type ApplicationFile,
  type CollectOptions,
  collectApplication,
} from "./application-files.ts";
import { type ArchiveWriterOptions, writeArchive } from "./archive.ts";
import { isAsset, mayBePublished } from "./assets.ts";
import { bundleWorker } from "./bundle.ts";
import { edgeConfig } from "./edge-config.ts";
import { ImageError } from "./errors.ts";
import { checkSizes, type Part, PLATFORM, type SizeReport } from "./limits.ts";
import { OutputFolder } from "./output-folder.ts";
import { buildPhpImage, EDGE_MEMORY } from "./php-image.ts";
import type { BuiltSnapshot, SnapshotParts } from "./snapshot.ts";
import { snapshotInThread } from "./snapshot-thread.ts";
import { type MemoryPages, PAGE } from "./wasm.ts";
import {
  CONFIG_FILES,
  parseWranglerConfig,
  type WranglerConfig,
  workerName,
  wranglerConfig,
  writeWranglerConfig,
} from "./wrangler-config.ts";

/** Name of the output folder inside the application's. */
export const OUTPUT_FOLDER = ".edge-fpm";

/** Where PHP sees the application unless told otherwise. */
const DEFAULT_MOUNT = "/app";

/** Bytes of inflated files that a child keeps (src/platform/workers/resident.ts). */
const FILE_CACHE = 4 * 1024 * 1024;

/** Bytes of the gateway's code, at most: with the interpreter's glue about 1.2 MB. */
const LARGEST_GATEWAY = 4_000_000;

/** Milliseconds that a request of the warm-up may take. */
const LONGEST_WARM_UP = 60_000;

/** Name of the snapshot's module. */
const SNAPSHOT = "snapshot.bin";

export interface BuildOptions extends CollectOptions, ArchiveWriterOptions {
  /** The application's folder. */
  readonly root: string;
  /** Where everything is written. Default: `.edge-fpm` in the application's folder. */
  readonly out?: string;
  /** The folder that visitors reach, relative to the application's: "" (default), or such as "public". */
  readonly documentRoot?: string;
  /** Where PHP sees the application's folder: an absolute path. "/app" when absent. */
  readonly mount?: string;
  /** Such as "8.4". */
  readonly php?: string;
  /** Limits of linear memory. */
  readonly memory?: MemoryPages;
  /** Text of the application's php.ini. */
  readonly ini?: string;
  /** Runs for every path that does not exist, such as "/index.php". */
  readonly frontController?: string;
  /** Files that answer for their folder. */
  readonly index?: readonly string[];
  /** A configuration, checked, with absolute folders; in place of `documentRoot`, `frontController` and `index`. */
  readonly config?: GatewayConfig;
  readonly pool?: PoolConfigInput;
  /** How much the pool's files may take: see docs/filesystem.md. */
  readonly files?: EdgeSettings["files"];
  /** Patterns of files that become static files though their names do not say so. */
  readonly publish?: readonly string[];
  /** Patterns of static files that PHP never reads: they are left out of the archive. */
  readonly assetsOnly?: readonly string[];
  /**
   * The snapshot that children start from: made of what PHP is when it has run these paths ("/", "/blog?page=2") or URLs;
   * none: when it has started. `false`: there is no snapshot. Default: none of them.
   */
  readonly warmUp?: readonly string[] | false;
  /** Milliseconds that one of these requests may take, and with five seconds more its script. Default 60,000. */
  readonly warmUpTimeout?: number;
  /** Name of the Worker; what the application's wrangler settings say when absent, or else the folder's name. */
  readonly name?: string;
}

export interface BuildReport extends SizeReport {
  /** The output folder. */
  readonly out: string;
  /** wrangler's configuration in it. */
  readonly config: string;
  /** Name of the Worker. */
  readonly name: string;
  /** Version of PHP. */
  readonly php: string;
  /** Changes with anything that a child is made of. */
  readonly version: string;
  readonly files: number;
  /** Bytes of the application's files before compression. */
  readonly fileBytes: number;
  /** Names that were left out because they look like secrets. */
  readonly secrets: readonly string[];
  readonly ignored: number;
}

/**
 * Builds an application for Cloudflare.
 *
 * @throws {ImageError} any of its codes; {PhpError} `PHP_NOT_INSTALLED`, `PHP_UNKNOWN_VERSION`
 */
export async function buildApplication(options: BuildOptions): Promise<BuildReport> {
  const root = resolve(options.root);
  const out = new OutputFolder(resolve(options.out ?? join(root, OUTPUT_FOLDER)));
  out.check();
  const { name: configName, config: own } = ownConfig(root);
  const application = collectApplication(root, withoutOutput(options, root, out.path));
  const mount = checkMount(options.mount ?? DEFAULT_MOUNT);
  const configured = options.config === undefined ? undefined : edgeConfig(options.config, root, mount);
  const documentRoot = checkDocumentRoot(application, configured ?? options);
  const assets = assetsOf(application, documentRoot, options);

  const memory = options.memory ?? EDGE_MEMORY;
  const image = await buildPhpImage({ ...(options.php === undefined ? {} : { php: options.php }), memory, from: root });
  const archive = writeArchive(archived(application, assets, options), options);
  const ini = withoutExtensions(options.ini);
  const certificates = rootCertificates.join("\n");
  const settings: EdgeSettings = {
    mount,
    documentRoot: documentRoot === "" ? mount : `${mount}/${documentRoot}`,
    pool: options.pool ?? {},
    ...(options.frontController === undefined ? {} : { frontController: options.frontController }),
    ...(options.index === undefined ? {} : { index: options.index }),
    ...(options.files === undefined ? {} : { files: options.files }),
    ...(configured === undefined ? {} : { config: configured.plain }),
    ...(configured === undefined || configured.cron.length === 0 ? {} : { cron: configured.cron }),
    ...(configured?.mail === undefined ? {} : { mail: configured.mail }),
    assets: Object.fromEntries([...assets].map(([path, { size, modified }]) => [`/${path}`, [size, modified]])),
    // The digest of all that a child is made of: see below.
    version: "",
  };
  const interpreter = await bundleWorker("interpreter", image.glue, settings);
  const snapshot = await snapshotOf(out, options.warmUp ?? [], {
    image,
    archive,
    ini,
    certificates,
    settings,
    interpreter,
    variables: variablesOf(own),
    longest: options.warmUpTimeout ?? LONGEST_WARM_UP,
    room: PLATFORM.workerBytes - sizeOf([image.wasm, archive, ini, certificates, interpreter]) - LARGEST_GATEWAY,
  });
  const version = digest([
    image.wasm,
    archive,
    ini,
    certificates,
    interpreter,
    JSON.stringify(settings),
    snapshot.key ?? "",
  ]);
  const warm = snapshot.key === undefined ? {} : { snapshot: snapshot.key };

  const modules: Readonly<Record<string, string | Uint8Array>> = {
    "main.js": await bundleWorker("gateway", image.glue, { ...settings, ...warm, version }),
    "interpreter.txt": interpreter,
    "php.wasm": image.wasm,
    "app.zip": archive,
    "php.ini.txt": ini,
    "ca.txt": certificates,
    [SNAPSHOT]: snapshot.bytes ?? new Uint8Array(0),
  };
  const sizes = checkSizes({
    modules: Object.entries(modules).map(([name, content]): Part => ({ name, size: Buffer.byteLength(content) })),
    assets: [...assets].map(([name, { size }]): Part => ({ name, size })),
    archive: archive.length,
    memory: memory.maximum * PAGE,
    cache: FILE_CACHE,
  });
  const config = wranglerConfig(own, {
    name: options.name ?? workerName(basename(root)),
    main: "worker/main.js",
    ...(assets.size > 0 && { assets: "assets" }),
    schedule: settings.cron !== undefined,
  });
  if (options.name !== undefined) config.name = options.name;

  out.claim();
  out.write("worker", modules);
  out.copy("assets", new Map([...assets].map(([path, file]) => [path, file.source])));
  const configPath = out.file("wrangler.toml", writeWranglerConfig(config));
  const warnings = [
    ...sizes.warnings,
    ...(configured?.warnings ?? []),
    ...snapshot.problems,
    ...warningsFor(application, settings, documentRoot, configName),
  ];
  return {
    ...sizes,
    warnings,
    out: out.path,
    config: configPath,
    name: String(config.name),
    php: image.version,
    version,
    files: application.files.length,
    fileBytes: application.files.reduce((sum, { size }) => sum + size, 0),
    secrets: application.secrets,
    ignored: application.ignored,
  };
}

function sizeOf(parts: readonly (string | Uint8Array)[]): number {
  return parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0);
}

interface Snapshot extends BuiltSnapshot {
  /** Absent: there is none. */
  readonly key?: string;
}

/** Makes the snapshot, or takes the one of the build before when nothing has changed that goes into it. */
async function snapshotOf(
  out: OutputFolder,
  warmUp: readonly string[] | false,
  parts: Omit<SnapshotParts, "key" | "warmUp"> & { readonly interpreter: string },
): Promise<Snapshot> {
  if (warmUp === false) return { problems: [] };
  const { image, archive, ini, certificates, interpreter, variables } = parts;
  const key = await snapshotKey({
    build: digest([image.wasm, image.glue]),
    ini,
    application: digest([archive]),
    others: [digest([interpreter, certificates]), variables, warmUp],
  });
  const known = out.read(`worker/${SNAPSHOT}`);
  if (known !== undefined && isSnapshotOf(known, key)) return { key, bytes: known, problems: [] };
  const made = await snapshotInThread({ ...parts, key, warmUp });
  return made.bytes === undefined ? made : { ...made, key };
}

function isSnapshotOf(bytes: Uint8Array, key: string): boolean {
  try {
    return decodeSnapshot(bytes, key) !== undefined;
  } catch {
    return false;
  }
}

/** Variables of the deployment that are no secrets: they are in wrangler's configuration. */
function variablesOf({ vars }: WranglerConfig): Record<string, string> {
  return typeof vars === "object" && vars !== null ? scriptEnvironment({ ...vars } as EdgeEnvironment) : {};
}

/** The application's own wrangler settings. */
function ownConfig(root: string): { name: string | undefined; config: WranglerConfig } {
  for (const name of CONFIG_FILES) {
    const path = join(root, name);
    if (existsSync(path)) return { name, config: parseWranglerConfig(path, readFileSync(path, "utf8")) };
  }
  return { name: undefined, config: {} };
}

/** An output folder inside the application is not part of it, wherever it lies. */
function withoutOutput(options: CollectOptions, root: string, out: string): CollectOptions {
  const inside = relative(root, out);
  if (inside === "") throw new ImageError("IMAGE_OPTION", "the output folder is the application's own folder");
  if (inside.startsWith("..")) return options;
  return { ...options, ignore: [...(options.ignore ?? []), `/${inside.replaceAll("\\", "/")}/`] };
}

/** @returns the folder with no slashes around it */
function checkDocumentRoot(application: Application, options: Pick<BuildOptions, "documentRoot">): string {
  const folder = (options.documentRoot ?? "").replace(/^(?:\.?\/)+|\/+$/g, "");
  if (folder === "" || folder === "." || application.directories.includes(folder)) return folder === "." ? "" : folder;
  throw new ImageError("IMAGE_OPTION", `the document root ${folder} is no folder of the application`);
}

function checkMount(path: string): string {
  const mount = path.replace(/\/+$/, "");
  const taken = ["", "/dev", "/proc", "/internal", "/request", "/tmp", "/etc"].includes(mount);
  if (!taken && /^(?:\/[^/]+)+$/.test(mount) && !/\/\.{1,2}(?:\/|$)/.test(mount)) return mount;
  throw new ImageError(
    "IMAGE_OPTION",
    `PHP cannot see the application at ${path}: an absolute path such as /app is needed`,
  );
}

/** Static files by their path below the document root. */
function assetsOf(application: Application, documentRoot: string, options: BuildOptions): Map<string, ApplicationFile> {
  const prefix = documentRoot === "" ? "" : `${documentRoot}/`;
  const publish = createIgnore().add([...(options.publish ?? [])]);
  const assets = new Map<string, ApplicationFile>();
  for (const file of application.files) {
    if (!file.path.startsWith(prefix)) continue;
    const path = file.path.slice(prefix.length);
    const wanted = (isAsset(path) && !file.denied) || (publish.ignores(file.path) && mayBePublished(path));
    if (wanted) assets.set(path, file);
  }
  return assets;
}

/** What PHP sees: everything but the static files that it does not need. */
function archived(
  application: Application,
  assets: ReadonlyMap<string, ApplicationFile>,
  options: BuildOptions,
): Application {
  const patterns = options.assetsOnly ?? [];
  if (patterns.length === 0) return application;
  const rules = createIgnore().add([...patterns]);
  const left = new Set([...assets.values()].filter(({ path }) => rules.ignores(path)).map(({ path }) => path));
  return { ...application, files: application.files.filter(({ path }) => !left.has(path)) };
}

function warningsFor(
  application: Application,
  settings: EdgeSettings,
  documentRoot: string,
  configName: string | undefined,
): string[] {
  const warnings: string[] = [];
  const prefix = documentRoot === "" ? "" : `${documentRoot}/`;
  const has = (path: string) => application.files.some((file) => file.path === prefix + path);
  const front = settings.frontController?.replace(/^\//, "");
  if (front !== undefined && !has(front)) warnings.push(`the front controller /${front} is not in the application`);
  if (front === undefined && !(settings.index ?? ["index.php", "index.html"]).some(has)) {
    const hint = application.directories.includes("public") && documentRoot === "" ? "; is it public/?" : "";
    warnings.push(`the document root has no index file, so / will answer 403${hint}`);
  }
  if (application.dangling.length > 0) {
    warnings.push(`symbolic links that lead nowhere or in a circle were left out: ${some(application.dangling)}`);
  }
  if (application.secrets.length > 0) {
    warnings.push(
      `left out because of their names or contents: ${some(application.secrets)}. Secrets go into the Worker: wrangler secret put NAME (${configName ?? "wrangler.toml"}: [vars] for the rest)`,
    );
  }
  return warnings;
}

/** The first names of a list. */
function some(names: readonly string[]): string {
  const more = names.length > 5 ? ` and ${names.length - 5} more` : "";
  return `${names.slice(0, 5).join(", ")}${more}`;
}

function digest(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest("hex").slice(0, 12);
}

/** What is built in needs no line; nothing else can be loaded: an image has none of what loading takes. */
function withoutExtensions(text: string | undefined): string {
  const { ini, wanted } = splitExtensions({ ...(text !== undefined && { text }) });
  if (wanted[0] !== undefined) throw noSuchExtension(wanted[0].name, [], "at the edge");
  return ini.text ?? "";
}

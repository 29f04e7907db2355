// One interpreter on Node: in this thread, over the glue's Node build, with real directories, files that lock and
// sockets that connect.

import { rootCertificates } from "node:tls";
import { type BootOptions, preparePhp, startPhp } from "../../php/boot.ts";
import type { PhpModule } from "../../php/glue.ts";
import type { PhpHost, PhpServices } from "../../php/host.ts";
import type { IniParts } from "../../php/ini.ts";
import type { Interpreter } from "../../php/interpreter.ts";
import type { InitialMemory } from "../../php/snapshot/memory.ts";
import type { Snapshot } from "../../php/snapshot/portable.ts";
import { ClosedSocket } from "../../php/sockets.ts";
import { ExtensionLinker, type Extensions } from "./extensions.ts";
import { FileLocks, type Locks, type LockTable } from "./file-locks.ts";
import { evaluateGlue, type GlueCode } from "./glue-code.ts";
import { loadPhpGlue } from "./load-glue.ts";
import { RealLookUp } from "./look-ups.ts";
import { type MountPlan, mountDirectories, SHARED_PATH } from "./mounts.ts";
import { resolveName } from "./names.ts";
import { installSockets } from "./sockets.ts";
import { LIST_PATH, LIST_SCRIPT } from "./source-files.ts";
import { TcpSocket } from "./tcp-socket.ts";
import { UserSpace, type UserSpaceContext } from "./user-space.ts";

/** Everything a thread needs to start an interpreter. It can be sent to a thread as it is. */
export interface InterpreterSettings extends MountPlan {
  /** Module URL of the glue: see `phpPackageUrl`. */
  readonly glueUrl: string;
  /** The same glue as a script, which is faster to load; no side modules then. */
  readonly glueCode?: GlueCode | undefined;
  readonly wasm: WebAssembly.Module;
  /** What its linear memory begins with, where that is not part of it: with `glueCode` only. */
  readonly initialMemory?: InitialMemory | undefined;
  readonly ini: IniParts;
  /** Side modules that `ini` names: see `loadExtensions`. Default: none. */
  readonly extensions?: Extensions;
  /** Environment of the interpreter. Like php-fpm with `clear_env`, nothing of our own process is passed on. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether PHP's sockets (curl, https://, MySQL) reach the network. */
  readonly network: boolean;
  /** Owner of the file locks: unique among the children of a master. */
  readonly processId: number;
  /** Locks shared by all children; or this interpreter's in a table elsewhere. */
  readonly locks: LockTable | Locks;
}

/** Where the certificate authorities lie that PHP trusts: those that come with Node. */
const CA_PATH = "/internal/shared/ca-certificates.crt";

/**
 * Boots an interpreter in this thread.
 *
 * @throws {PhpError} `PHP_BOOT`
 */
export async function bootInterpreter(settings: InterpreterSettings, services: PhpServices = {}): Promise<PhpHost> {
  return (await startInterpreter(settings, services)).host;
}

/** An instance in this thread, in which interpreters can live one after the other. */
export interface NodeInterpreter {
  readonly interpreter: Interpreter;
  readonly host: PhpHost;
  /**
   * Whether the instance can be given the memory of a snapshot still. What has aborted is beyond that, and what has grown
   * large would stay so: only a new instance gives memory back.
   */
  readonly restorable: boolean;
  /**
   * Begins another interpreter in the instance, with the same directories.
   *
   * @throws {PhpError} `PHP_SNAPSHOT`
   */
  restore(snapshot: Snapshot, settings: InterpreterSettings, services: PhpServices): Promise<void>;
}

/**
 * Boots an instance in this thread.
 *
 * @param snapshot what to go on from; one that does not fit is left aside, and `onComplaint` told
 * @throws {PhpError} `PHP_BOOT`
 */
export async function startInterpreter(
  settings: InterpreterSettings,
  services: PhpServices = {},
  snapshot?: Snapshot,
  onComplaint?: (text: string) => void,
): Promise<NodeInterpreter> {
  const options = await instanceOptions(settings);
  const more = { ...(snapshot && { snapshot }), ...(onComplaint && { onComplaint }) };
  return over(await startPhp({ ...bootOptions(settings, options, services), ...more }), options);
}

/**
 * Boots an instance in this thread and starts nothing in it: `restore` does.
 *
 * @throws {PhpError} `PHP_BOOT`
 */
export async function prepareInterpreter(
  settings: InterpreterSettings,
  services: PhpServices,
): Promise<NodeInterpreter> {
  const options = await instanceOptions(settings);
  return over(await preparePhp(bootOptions(settings, options, services)), options);
}

function bootOptions(
  { ini }: InterpreterSettings,
  { become: _, aborted: __, ...options }: InstanceOptions,
  services: PhpServices,
): BootOptions {
  return { ...options, ini: { ...ini, platform: { ...platformIni(), ...ini.platform } }, services };
}

/** Bytes of linear memory, at most, with which an instance is used again. */
const LARGEST_KEPT = 256 * 1024 * 1024;

function over(interpreter: Interpreter, { become, aborted }: InstanceOptions): NodeInterpreter {
  return {
    interpreter,
    get host() {
      return interpreter.host;
    },
    get restorable() {
      return !aborted() && interpreter.host.memory <= LARGEST_KEPT;
    },
    async restore(from, { env, processId }, its) {
      become(processId);
      await interpreter.restore(from, { env, services: its, processId });
    },
  };
}

/** What an interpreter is given here whatever it is to do: files, locks, network. */
export async function interpreterOptions(
  settings: Omit<InterpreterSettings, "ini">,
): Promise<Omit<BootOptions, "ini" | "services">> {
  const { become: _, aborted: __, ...options } = await instanceOptions(settings);
  return options;
}

interface InstanceOptions extends Omit<BootOptions, "ini" | "services"> {
  /** The locks belong to another process id from now on. */
  readonly become: (processId: number) => void;
  readonly aborted: () => boolean;
}

async function instanceOptions(settings: Omit<InterpreterSettings, "ini">): Promise<InstanceOptions> {
  const { glueCode } = settings;
  const glue = glueCode === undefined ? await loadPhpGlue(settings.glueUrl) : evaluateGlue(glueCode);
  let userSpace: UserSpace | undefined;
  let lookUp: RealLookUp | undefined;
  let hasAborted = false;
  let context: UserSpaceContext | undefined;
  let errnoAddress: () => number = () => 0;
  const extensions = new ExtensionLinker(settings.extensions ?? { modules: [] });
  return {
    glue,
    runtimeName: "NODE",
    asyncMode: "Suspending" in WebAssembly ? "jspi" : "asyncify",
    wasm: settings.wasm,
    initialMemory: settings.initialMemory,
    env: { ...extensions.env, ...settings.env },
    files: new Map<string, string | Uint8Array>([
      [CA_PATH, certificates()],
      [LIST_PATH, LIST_SCRIPT],
    ]),
    imports: (imports) => extensions.imports(imports),
    // The glue has permissions of Windows that are not those of its files.
    ...(process.platform !== "win32" && {
      lookUp(module: () => PhpModule) {
        lookUp = new RealLookUp(module);
        return lookUp;
      },
    }),
    onInstance(instance) {
      extensions.onInstance(instance);
      errnoAddress = instance.exports.__errno_location as () => number;
    },
    ...(settings.network && { resolve: resolveName }),
    mount(module) {
      mountDirectories(module, settings);
      extensions.mount(module);
      if (context !== undefined) installSockets(context, settings.network ? TcpSocket : ClosedSocket);
    },
    processId: settings.processId,
    umask: process.umask(),
    bindUserSpace(given) {
      context = given as UserSpaceContext;
      userSpace = new UserSpace(
        context,
        (pid) => ("entries" in settings.locks ? new FileLocks(settings.locks, pid) : settings.locks),
        () => errnoAddress(),
        () => lookUp?.called(false),
      );
      return userSpace;
    },
    onAbort: () => {
      hasAborted = true;
    },
    become: (processId) => userSpace?.become(processId),
    aborted: () => hasAborted,
  };
}

let certificateText: Uint8Array | undefined;

/** As bytes: to write a text the glue looks at each of its characters. */
function certificates(): Uint8Array {
  certificateText ??= Buffer.from(rootCertificates.join("\n"), "latin1");
  return certificateText;
}

/** Where PHP finds the certificate authorities that it trusts. */
export const CERTIFICATES_INI: Readonly<Record<string, string>> = { "openssl.cafile": CA_PATH, "curl.cainfo": CA_PATH };

/**
 * Sessions, uploads and temporary files lie in the pool's shared directory, so that every child finds them.
 * Opcache knows a file by its time in whole seconds: one that changed within the present second may change again
 * unseen, so it is not cached yet.
 */
function platformIni(): Record<string, string | number> {
  return {
    "opcache.file_update_protection": 1,
    "session.save_path": `${SHARED_PATH}/sessions`,
    sys_temp_dir: `${SHARED_PATH}/tmp`,
    upload_tmp_dir: `${SHARED_PATH}/uploads`,
    ...CERTIFICATES_INI,
  };
}

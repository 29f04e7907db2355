// Where the files of this page are kept: in the browser's private file system if this page alone has it, else in memory.

import type { FileHome } from "../../../fs/home.ts";
import { MemoryHome } from "../../../fs/memory-home.ts";
import { OpfsHome } from "../opfs-home.ts";
import type { SyncFile } from "./sync-file.ts";

/** Why files are in memory only: the browser keeps none for this page, another page has them, or they cannot be read. */
export type NoStorage = "unsupported" | "another-page" | "failed";

/** Where the files of a page ended up. */
export interface PageHome {
  readonly home: FileHome;
  /** Files survive a reload. */
  readonly kept: boolean;
  readonly reason?: NoStorage;
  /** Of `failed`. */
  readonly message?: string;
  /** Forgets everything that is kept, also what cannot be read. The page must be loaded again. @throws what the browser throws */
  forget(): Promise<void>;
}

/** Milliseconds that the page before this one gets to give the files back: a reload overlaps with it. */
const PATIENCE = 1500;
/** Between two tries. */
const PAUSE = 100;

/** A file in the private file system, as dedicated Workers see it. */
type PrivateFile = FileSystemFileHandle & { createSyncAccessHandle?(): Promise<SyncFile> };

/**
 * To be called in a dedicated Worker: only those have synchronous access.
 *
 * @param name of the folder in the private file system, and of the lock: the same for pages that share files
 */
export async function openPageHome(name: string): Promise<PageHome> {
  const memory = (reason: NoStorage, message?: string): PageHome => ({
    home: new MemoryHome(),
    kept: false,
    reason,
    ...(message !== undefined && { message }),
    forget: async () => {
      // Another page's files are not this one's to remove.
      if (reason === "failed") await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true });
    },
  });
  // Private windows of some browsers have neither.
  if (navigator.storage?.getDirectory === undefined || navigator.locks === undefined) return memory("unsupported");
  if (!(await holdLock(`${name} files`))) return memory("another-page");
  try {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle(name, { create: true });
    const open = async (file: string) => openFile(await folder.getFileHandle(file, { create: true }));
    const [first, second, pieces] = await Promise.all([open("journal-1"), open("journal-2"), open("pieces")]);
    if (first === undefined || second === undefined || pieces === undefined) return memory("unsupported");
    const files = { journals: [first, second], pieces } as const;
    try {
      const home = new OpfsHome(files);
      return { home, kept: true, forget: async () => home.clear() };
    } catch (error) {
      for (const file of [first, second, pieces]) file.close();
      throw error;
    }
  } catch (error) {
    const { name: type, message } = error as Error;
    // A browser may refuse all of it in a private window.
    return type === "SecurityError" ? memory("unsupported") : memory("failed", message);
  }
}

/** Takes the lock until this Worker ends. False when another page has it, and keeps it. */
function holdLock(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const granted = () => {
      resolve(true);
      return new Promise<never>(() => {});
    };
    navigator.locks.request(name, { signal: AbortSignal.timeout(PATIENCE) }, granted).catch(() => resolve(false));
  });
}

/** The Worker before may be gone, and its handles not yet. */
async function openFile(file: PrivateFile): Promise<SyncFile | undefined> {
  for (let waited = 0; ; waited += PAUSE) {
    try {
      return await file.createSyncAccessHandle?.();
    } catch (error) {
      if ((error as Error).name !== "NoModificationAllowedError" || waited >= PATIENCE) throw error;
      await new Promise((resolve) => {
        setTimeout(resolve, PAUSE);
      });
    }
  }
}

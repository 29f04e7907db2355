// The site's files in the server Worker: where they are kept. Fetched when they are first needed.

import { MemoryHome } from "../../../src/fs/index.ts";
import { openPageHome, type PageHome } from "../../../src/platform/browser/opfs/open.ts";
import { PageFiles } from "../../../src/platform/browser/page-files.ts";
import { DOCUMENT_ROOT, type StorageState } from "../types.ts";
import { removeLeftovers } from "./unpacked.ts";

export { frontControllerOf } from "./unpacked.ts";

/** Directories whose files all children share: the site, and where sessions and temporary files lie. */
const SHARED = [DOCUMENT_ROOT, "/tmp", "/tmp/sessions"];

/** Bytes of all files: kept, and in memory. */
const KEPT_BYTES = 512 * 1024 * 1024;
const MEMORY_BYTES = 256 * 1024 * 1024;

/** Bytes of removed files that a child may have open. */
const ORPHANS = 32 * 1024 * 1024;

export interface OpenedFiles {
  readonly files: PageFiles;
  readonly storage: StorageState;
  /** Forgets what is kept. */
  forget(): Promise<void>;
}

export interface FilesOptions {
  /** Of what is kept; `undefined`: nothing is. */
  readonly name: string | undefined;
  /** Path of an application in URLs, without a slash at its end. */
  readonly site: string;
  /** Files by absolute path. */
  readonly initial: Readonly<Record<string, Uint8Array>>;
  readonly onChange: (paths: readonly string[], pid: number) => void;
}

export async function openFiles({ name, site, initial, onChange }: FilesOptions): Promise<OpenedFiles> {
  const home = name === undefined ? inMemory({ reason: "unsupported" }) : await openPageHome(name);
  const opened = make(home, site, onChange);
  const modified = Date.now();
  const { files, storage } = opened;
  removeLeftovers(files, DOCUMENT_ROOT + storage.site.slice(0, -1));
  try {
    files.change(Object.entries(initial).map(([path, bytes]) => [path, { bytes, modified }]));
  } catch {
    // No room is left for them: they are there from an earlier visit, or the first request tells.
  }
  return opened;
}

function make(home: PageHome, site: string, onChange: FilesOptions["onChange"]): OpenedFiles {
  const { kept, reason, message, forget } = home;
  const totalBytes = kept ? KEPT_BYTES : MEMORY_BYTES;
  try {
    const files = new PageFiles({
      directories: SHARED,
      home: home.home,
      limits: { totalBytes, orphanBytes: ORPHANS },
      onChange,
    });
    // Pages with files of their own need addresses of their own: the service worker asks all of them.
    const address = kept ? `${site}/` : `${site}-${Math.random().toString(36).slice(2, 8)}/`;
    const storage = { kept, site: address, ...(reason && { reason }), ...(message !== undefined && { message }) };
    return { files, storage, forget };
  } catch (error) {
    if (!kept) throw error;
    // What is kept contradicts itself: it is left for the visitor to forget.
    const { message } = error as Error;
    return { ...make(inMemory({ reason: "failed", message }), site, onChange), forget };
  }
}

function inMemory(why: Pick<StorageState, "reason" | "message">): PageHome {
  return { home: new MemoryHome(), kept: false, ...(why as { reason: "failed" }), forget: async () => {} };
}

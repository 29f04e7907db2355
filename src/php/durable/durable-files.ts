// Files of one interpreter that are those of all: what its scripts change goes to the store, what others changed comes in.
// A child's life begins with `attach`; a request with `begin`, and it ends with `settle`.

import { FileError, type SendToStore } from "../../fs/index.ts";
import type { PhpModule } from "../glue.ts";
import { ChangeLog } from "./change-log.ts";
import { FileView } from "./file-view.ts";
import { installImports } from "./imports.ts";
import { LargeFiles } from "./large-files.ts";
import { StoreLocks } from "./lock-keeper.ts";
import { MemoryTree } from "./memory-tree.ts";
import { OpenFiles } from "./open-files.ts";
import { PageCache } from "./page-cache.ts";
import { ScriptCalls } from "./script-calls.ts";
import { ScriptChanges } from "./script-changes.ts";
import { LARGE, SharedContents } from "./shared-contents.ts";
import { SharedNodes } from "./shared-nodes.ts";
import { StoreLink } from "./store-link.ts";

export interface DurableFilesOptions {
  /** Absolute paths of the directories that are shared, without a slash at the end. */
  readonly roots: readonly string[];
  /** Of them, those that are the application's: an archive is mounted there. */
  readonly application: string;
  /** Bytes of contents that are kept between requests. Default 8 MiB. */
  readonly cacheBytes?: number;
  /** Bytes of pieces of large files that are kept. Default 8 MiB; up to 4 MiB that were written come on top. */
  readonly pageBytes?: number;
  /** Milliseconds before a message without an answer is sent again, one for each time. Default 50 and 500. */
  readonly pauses?: readonly number[];
  /** Told of changes that could not be kept, in words. */
  readonly onLoss?: (message: string) => void;
}

const CACHE = 8 * 1024 * 1024;

/** What a file's name, times and places in tables take, measured with 50,000 files: 26 MB. */
const NODE_BYTES = 550;

/** The parts that belong to one module. */
interface Assembly {
  readonly tree: MemoryTree;
  readonly log: ChangeLog;
  readonly nodes: SharedNodes;
  readonly contents: SharedContents;
  readonly view: FileView;
  readonly link: StoreLink;
  readonly locks: StoreLocks;
  readonly open: OpenFiles;
  readonly calls: ScriptCalls;
}

export class DurableFiles {
  readonly #options: DurableFilesOptions;
  readonly #cache: PageCache;
  #assembly: Assembly | undefined;
  /** Whether scripts can wait: else every file is held as a whole. */
  #waits = false;

  constructor(options: DurableFilesOptions) {
    this.#options = options;
    this.#cache = new PageCache(options.pageBytes ?? CACHE);
  }

  /** Bytes in memory beside the contents of nodes: pieces of large files, and the nodes themselves. */
  get heldBytes(): number {
    return this.#cache.bytes + (this.#assembly?.nodes.size ?? 0) * NODE_BYTES;
  }

  /** Memory is short: gives up the pieces of large files that the store has too. */
  release(): void {
    this.#cache.trim(0);
  }

  /** To be called before the archive is mounted. */
  prepare(module: PhpModule): void {
    const { roots, application } = this.#options;
    const onLoss = this.#options.onLoss ?? (() => {});
    const tree = new MemoryTree(module);
    for (const root of roots) if (root !== application) tree.mount(root);
    const log = new ChangeLog();
    const contents = new SharedContents(
      this.#cache,
      (errno) => tree.error(errno),
      this.#waits ? LARGE : Number.POSITIVE_INFINITY,
    );
    const nodes = new SharedNodes((shared) => contents.forget(shared));
    const view = new FileView({ tree, log, nodes, contents, roots });
    const open: OpenFiles = new OpenFiles({
      tree,
      nodes,
      contents,
      onClosed: (stream, shared) => {
        if (link.client !== undefined) locks.closed(stream, shared);
        if (shared?.gone && shared.opens === 0) calls.dropped(shared);
      },
    });
    const link = new StoreLink({ log, view, nodes, contents, opened: () => open.all(), onLoss });
    contents.onAbandoned = (stage) => {
      if (link.client !== undefined) link.inBackground(link.client.discard(stage));
    };
    const locks = new StoreLocks({ log, nodes, contents, link, open });
    const large = new LargeFiles(link, this.#cache);
    const calls = new ScriptCalls({
      tree,
      log,
      contents,
      link,
      locks,
      open,
      large,
      cacheBytes: this.#cacheBytes,
      onLoss,
    });
    this.#assembly = { tree, log, nodes, contents, view, link, locks, open, calls };
    tree.watch(new ScriptChanges({ tree, log, view, nodes, contents, link, open }));
  }

  /** To be called when the archive is mounted. */
  mounted(): void {
    this.#assembly?.view.adopt(this.#options.application);
  }

  /**
   * Replaces the imports that may have to wait for the store: of the module that is about to be instantiated. Where the
   * engine cannot wait in the middle of a script it is not called, and `loadAll` before each request.
   */
  install(imports: WebAssembly.Imports, module: () => PhpModule): void {
    this.#waits = true;
    installImports(imports, { module, tree: () => this.#need().tree, calls: () => this.#assembly?.calls });
  }

  /** A life is over: nothing that its script does from now on counts. */
  detach(): void {
    this.#assembly?.link.detach();
    this.#assembly?.locks.clear();
  }

  /** A life begins: everything that the one before left undone is gone. @throws {FileError} */
  async attach(send: SendToStore, key: string): Promise<void> {
    const { link, locks, open, log, view, contents } = this.#need();
    link.detach();
    locks.clear();
    contents.clear();
    open.clear();
    log.clear();
    view.doubt();
    await link.attach(send, key, this.#options.pauses);
  }

  /** A request begins. @param seq as the master knows it: nothing is asked when it is known here @throws {FileError} */
  async begin(seq: number | undefined): Promise<void> {
    await this.#need().link.begin(seq);
  }

  /** Brings in every content that is not there. @throws {FileError} */
  async loadAll(): Promise<void> {
    const { nodes, link } = this.#need();
    for (const shared of nodes.all()) if (shared.stale !== undefined) await link.load(shared);
  }

  /** A request ends: its changes are durable when this settles. @throws {FileError} they are not, and the life is over */
  async settle(): Promise<void> {
    const { link, contents, locks } = this.#need();
    locks.giveBack();
    await link.settle();
    contents.shrink(this.#cacheBytes);
  }

  /** The script is over, after its answer too: what it changed is durable, and its locks are given back. @throws {FileError} the life is over */
  async rest(): Promise<void> {
    const { link, locks } = this.#need();
    locks.giveBack();
    await link.rest();
  }

  get #cacheBytes(): number {
    return this.#options.cacheBytes ?? CACHE;
  }

  #need(): Assembly {
    if (this.#assembly === undefined) throw new FileError("EIO", "prepare() comes first");
    return this.#assembly;
  }
}

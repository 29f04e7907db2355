// The network of one interpreter in a page: names, sockets and whom to trust. What answers is loaded when a script first
// connects.

import { readText, writeText } from "../../../php/c-text.ts";
import type { PhpModule } from "../../../php/glue.ts";
import { isNoName, NameTable, type ResolveName } from "../../../php/names.ts";
import { writeOwnFile } from "../../../php/own-files.ts";
import { PageSocket, type ServePage } from "./page-socket.ts";

/** Where curl looks for certificate authorities, whatever php.ini says. */
const CA_FOLDER = "/etc/ssl/certs";
const CA_PATH = `${CA_FOLDER}/ca-certificates.crt`;

export const NETWORK_INI: Readonly<Record<string, string>> = { "openssl.cafile": CA_PATH, "curl.cainfo": CA_PATH };

/** What lists of certificate authorities are called. */
const LIST_OF_AUTHORITIES = /\.(?:pem|crt|cer|cert)$/i;

/** Bits of open()'s flags that say for what. */
const O_ACCMODE = 3;

type OpenAt = (directory: number, path: number, flags: number, more: number) => unknown;

export class PageNetwork {
  readonly #names = new NameTable();
  readonly #silent = new Set<PageSocket>();
  #module: PhpModule | undefined;
  #serve: Promise<ServePage> | undefined;
  /** The class of the interpreter's sockets. */
  readonly WebSocketClass: new (
    url: string,
  ) => PageSocket;

  constructor() {
    const serve = () => this.#serving();
    const silent = this.#silent;
    this.WebSocketClass = class extends PageSocket {
      constructor(url: string) {
        super(url, serve());
        silent.add(this);
        this.on("close", () => silent.delete(this));
      }

      override send(data: Uint8Array | ArrayBuffer): void {
        silent.delete(this);
        super.send(data);
      }
    };
  }

  /** Names are the browser's to resolve, when it fetches: an address stands for each. */
  readonly resolve: ResolveName = async (name) => (isNoName(name) ? undefined : this.#names.addressFor(name));

  /** Makes the folder of certificates, before PHP starts. */
  attach(module: PhpModule): void {
    module.FS.mkdirTree(CA_FOLDER);
    this.#module = module;
  }

  /**
   * Replaces open() among the imports of the module that is about to be instantiated. Applications bring lists of authorities
   * of their own, WordPress for one. Every TLS connection here ends at ours: so what a client opens before it says its first
   * word is our list. Who the real server is, is the browser's to verify.
   */
  install(imports: WebAssembly.Imports, module: () => PhpModule): void {
    const env = imports.env as Record<string, unknown> | undefined;
    const open = env?.__syscall_openat as OpenAt | undefined;
    if (env === undefined || open === undefined) return;
    env.__syscall_openat = ((directory, path, flags, more) => {
      const isList =
        this.#silent.size > 0 && (flags & O_ACCMODE) === 0 && LIST_OF_AUTHORITIES.test(readText(module(), path));
      if (!isList) return open(directory, path, flags, more);
      const ours = writeText(module(), CA_PATH);
      const result = open(directory, ours, flags, more);
      module().free(ours);
      return result;
    }) satisfies OpenAt;
  }

  /** One load for all; another try after one that failed. */
  #serving(): Promise<ServePage> {
    this.#serve ??= this.#load().catch((error: unknown) => {
      this.#serve = undefined;
      throw error;
    });
    return this.#serve;
  }

  async #load(): Promise<ServePage> {
    const { Servers } = await import("./serve-connection.ts");
    const servers = await Servers.create({
      fetch: (...request) => fetch(...request),
      secure: globalThis.location?.protocol === "https:",
    });
    // Before the first connection is open: OpenSSL reads the file when it begins to speak.
    if (servers.trusted !== undefined && this.#module !== undefined) {
      writeOwnFile(this.#module, CA_PATH, servers.trusted);
    }
    return (pipe, host, port, signal) => servers.serve(pipe, this.#names.nameFor(host), port, signal);
  }
}

// Names of hosts. The glue's own resolver invents an address for every name and finds the name again when it connects:
// what does not exist seems to, and after 255 names its addresses are none. Here the platform is asked; where only the
// platform's sockets can resolve a name, an address of a range of its own stands for it.

import { readText, writeText } from "./c-text.ts";
import type { PhpModule } from "./glue.ts";

/** Tells the IPv4 address of a name, or one that stands for it; undefined: there is no such host. Never rejects. */
export type ResolveName = (name: string) => Promise<string | undefined>;

/** `EAI_NONAME` of musl. */
const EAI_NONAME = -2;

/** Addresses that nobody has on the internet (RFC 2544): 198.18.0.0/15. */
const FIRST = (198 << 24) | (18 << 16) | 1;
const MOST_NAMES = 2 ** 17 - 2;

/** Addresses that stand for names. */
export class NameTable {
  readonly #addresses = new Map<string, string>();
  readonly #names = new Map<string, string>();
  #last = -1;

  addressFor(name: string): string {
    const known = this.#addresses.get(name);
    if (known !== undefined) return known;
    this.#last = (this.#last + 1) % MOST_NAMES;
    const address = dotted(FIRST + this.#last);
    // The oldest gives its address up.
    const before = this.#names.get(address);
    if (before !== undefined) this.#addresses.delete(before);
    this.#addresses.set(name, address);
    this.#names.set(address, name);
    return address;
  }

  /** The name that an address stands for, or the address. */
  nameFor(address: string): string {
    return this.#names.get(address) ?? address;
  }
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

type GetAddressInfo = (node: number, service: number, hint: number, out: number) => number;
type LookupName = (name: number) => number;
type Waiting<T extends (...values: number[]) => number> = (...values: Parameters<T>) => number | Promise<number>;

interface PromiseIntegration {
  readonly Suspending?: new <T>(run: T) => T;
}

/** Lets every name be unknown at once, among the imports of the module that is about to be instantiated. */
export function refuseNames(imports: WebAssembly.Imports, module: () => PhpModule): void {
  const env = imports.env as Record<string, unknown> | undefined;
  const getAddressInfo = env?.getaddrinfo as GetAddressInfo | undefined;
  const lookupName = env?._emscripten_lookup_name as LookupName | undefined;
  if (env === undefined || getAddressInfo === undefined || lookupName === undefined) return;
  env.getaddrinfo = ((node, service, hint, out) =>
    isAddress(readText(module(), node))
      ? getAddressInfo(node, service, hint, out)
      : EAI_NONAME) satisfies GetAddressInfo;
  // No error can be told here: "any address", to which nothing connects.
  env._emscripten_lookup_name = ((pointer) =>
    isAddress(readText(module(), pointer)) ? lookupName(pointer) : 0) satisfies LookupName;
}

/** Replaces getaddrinfo() and gethostbyname() among the imports of the module that is about to be instantiated. */
export function repairNames(imports: WebAssembly.Imports, module: () => PhpModule, resolve: ResolveName): void {
  const { Suspending } = WebAssembly as PromiseIntegration;
  const env = imports.env as Record<string, unknown> | undefined;
  if (env === undefined || Suspending === undefined) return;
  const getAddressInfo = env.getaddrinfo as GetAddressInfo | undefined;
  const lookupName = env._emscripten_lookup_name as LookupName | undefined;
  if (getAddressInfo !== undefined) {
    const repaired: Waiting<GetAddressInfo> = (node, service, hint, out) => {
      const name = readText(module(), node);
      if (isAddress(name)) return getAddressInfo(node, service, hint, out);
      return resolve(name).then((address) => {
        if (address === undefined) return EAI_NONAME;
        const pointer = writeText(module(), address);
        const result = getAddressInfo(pointer, service, hint, out);
        module().free(pointer);
        return result;
      });
    };
    env.getaddrinfo = new Suspending(repaired);
  }
  if (lookupName !== undefined) {
    const repaired: Waiting<LookupName> = (pointer) => {
      const name = readText(module(), pointer);
      if (isAddress(name)) return lookupName(pointer);
      return resolve(name).then((address = "0.0.0.0") => {
        const written = writeText(module(), address);
        const result = lookupName(written);
        module().free(written);
        return result;
      });
    };
    env._emscripten_lookup_name = new Suspending(repaired);
  }
}

/** What needs no resolver: no name at all, an address, or this machine. */
export function isAddress(name: string): boolean {
  return name === "" || name === "localhost" || /^\d+(\.\d+){0,3}$/.test(name) || name.includes(":");
}

/** A name that cannot exist (RFC 6761, section 6.4), or that no resolver takes. */
export function isNoName(name: string): boolean {
  return /(?:^|\.)invalid\.?$/i.test(name) || name.length > 253 || !/^[\w.-]+$/.test(name);
}

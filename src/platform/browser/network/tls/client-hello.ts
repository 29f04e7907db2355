// The first message of a TLS client (RFC 5246, section 7.4.1.2), read as far as the server's choice needs it. Pure.

import { Alert, TlsError } from "./records.ts";

export interface ClientHello {
  readonly random: Uint8Array;
  /** Name of the server it wants (RFC 6066, section 3). */
  readonly serverName: string | undefined;
  readonly cipherSuites: readonly number[];
  /** Groups of keys that it can use (RFC 8422, section 5.1.1). */
  readonly groups: readonly number[];
  readonly signatures: readonly number[];
  /** Protocols inside of TLS that it speaks (RFC 7301). */
  readonly protocols: readonly string[];
  readonly extendedMasterSecret: boolean;
  readonly secureRenegotiation: boolean;
}

const TLS_1_2 = 0x0303;

/** A cipher suite that is none: "I know secure renegotiation" (RFC 5746). */
const RENEGOTIATION_SCSV = 0x00ff;

const Extension = {
  SERVER_NAME: 0,
  GROUPS: 10,
  SIGNATURES: 13,
  PROTOCOLS: 16,
  EXTENDED_MASTER_SECRET: 23,
  RENEGOTIATION_INFO: 0xff01,
} as const;

/** @throws {TlsError} when it is malformed, or the client does not speak TLS 1.2 */
export function readClientHello(body: Uint8Array): ClientHello {
  const hello = new Fields(body);
  const version = hello.number(2);
  if (version < TLS_1_2) throw new TlsError(Alert.PROTOCOL_VERSION, "the client does not speak TLS 1.2");
  const random = hello.bytes(32);
  hello.vector(1);
  const cipherSuites = hello.vector(2).numbers(2);
  hello.vector(1);
  const extensions = new Map<number, Fields>();
  if (hello.left > 0) {
    const all = hello.vector(2);
    while (all.left > 0) extensions.set(all.number(2), all.vector(2));
  }
  return {
    random,
    serverName: serverName(extensions.get(Extension.SERVER_NAME)),
    cipherSuites,
    groups: extensions.get(Extension.GROUPS)?.vector(2).numbers(2) ?? [],
    signatures: extensions.get(Extension.SIGNATURES)?.vector(2).numbers(2) ?? [],
    protocols: protocols(extensions.get(Extension.PROTOCOLS)),
    extendedMasterSecret: extensions.has(Extension.EXTENDED_MASTER_SECRET),
    secureRenegotiation: extensions.has(Extension.RENEGOTIATION_INFO) || cipherSuites.includes(RENEGOTIATION_SCSV),
  };
}

function serverName(extension: Fields | undefined): string | undefined {
  const names = extension?.vector(2);
  while (names !== undefined && names.left > 0) {
    const type = names.number(1);
    const name = names.vector(2).text();
    if (type === 0 && /^[\w.-]{1,253}$/.test(name)) return name;
  }
  return undefined;
}

function protocols(extension: Fields | undefined): string[] {
  const list = extension?.vector(2);
  const names: string[] = [];
  while (list !== undefined && list.left > 0) names.push(list.vector(1).text());
  return names;
}

/** Numbers and vectors, one after the other (section 4). */
class Fields {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  bytes(length: number): Uint8Array {
    if (length > this.left) throw new TlsError(Alert.DECODE_ERROR, "a message of TLS that ends too early");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  number(size: number): number {
    return this.bytes(size).reduce((value, byte) => value * 256 + byte, 0);
  }

  /** What follows a length of `size` bytes. */
  vector(size: number): Fields {
    return new Fields(this.bytes(this.number(size)));
  }

  numbers(size: number): number[] {
    const numbers: number[] = [];
    while (this.left > 0) numbers.push(this.number(size));
    return numbers;
  }

  text(): string {
    return String.fromCharCode(...this.bytes(this.left));
  }
}

// A certificate authority for one interpreter, and certificates of hosts signed by it. Nobody else trusts it, and nothing of it
// leaves the Worker: the browser's own TLS, to the real server, is what protects a request.

import { bits, boolean, ecdsaSignature, integer, octets, oid, sequence, set, tagged, time, utf8 } from "./der.ts";

/** What a TLS server shows and signs with. */
export interface Identity {
  /** Certificates, DER: the host's, then the authority's. */
  readonly chain: readonly Uint8Array[];
  /** ECDSA over P-256. */
  readonly key: CryptoKey;
}

/** The authority's name. */
const NAME = "edge-fpm: PHP in this page";

const ECDSA = { name: "ECDSA", namedCurve: "P-256" } as const;
const SHA256 = { name: "ECDSA", hash: "SHA-256" } as const;
const ECDSA_WITH_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));

const DAY = 24 * 60 * 60 * 1000;

/** Certificates kept of hosts. */
const MOST_KEPT = 256;

export class Authority {
  /** The authority's own certificate. */
  readonly pem: string;
  readonly #certificate: Uint8Array;
  readonly #keys: CryptoKeyPair;
  /** One for all hosts. */
  readonly #hostKeys: CryptoKeyPair;
  readonly #now: () => number;
  readonly #identities = new Map<string, Promise<Identity>>();

  private constructor(certificate: Uint8Array, keys: CryptoKeyPair, hostKeys: CryptoKeyPair, now: () => number) {
    this.pem = pemOf(certificate);
    this.#certificate = certificate;
    this.#keys = keys;
    this.#hostKeys = hostKeys;
    this.#now = now;
  }

  /** @param now milliseconds since 1970, as the interpreter sees them */
  static async create(now: () => number = Date.now): Promise<Authority> {
    const [keys, hostKeys] = await Promise.all([generateKeys(), generateKeys()]);
    const certificate = await certify(keys.privateKey, {
      subject: NAME,
      key: keys.publicKey,
      now: now(),
      extensions: [
        // Basic constraints: an authority. Key usage: signs certificates.
        extension("2.5.29.19", true, sequence(boolean(true))),
        extension("2.5.29.15", true, bits(Uint8Array.of(0x04), 2)),
      ],
    });
    return new Authority(certificate, keys, hostKeys, now);
  }

  /** @param host a name, or an address of IPv4 */
  identity(host: string): Promise<Identity> {
    const known = this.#identities.get(host);
    if (known !== undefined) return known;
    const [oldest] = this.#identities.keys();
    if (this.#identities.size >= MOST_KEPT && oldest !== undefined) this.#identities.delete(oldest);
    const made = this.#certify(host);
    this.#identities.set(host, made);
    return made;
  }

  async #certify(host: string): Promise<Identity> {
    const address = /^\d+\.\d+\.\d+\.\d+$/.test(host) ? Uint8Array.from(host.split("."), Number) : undefined;
    const name = address === undefined ? tagged(2, false, ascii(host)) : tagged(7, false, address);
    const certificate = await certify(this.#keys.privateKey, {
      // At most 64 characters (RFC 5280, ub-common-name); the alternative name is what counts.
      subject: host.slice(0, 64),
      key: this.#hostKeys.publicKey,
      now: this.#now(),
      extensions: [extension("2.5.29.17", false, sequence(name))],
    });
    return { chain: [certificate, this.#certificate], key: this.#hostKeys.privateKey };
  }
}

function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
}

interface Subject {
  readonly subject: string;
  readonly key: CryptoKey;
  readonly now: number;
  readonly extensions: readonly Uint8Array[];
}

/** A certificate signed by the authority (RFC 5280, section 4.1). */
async function certify(issuer: CryptoKey, { subject, key, now, extensions }: Subject): Promise<Uint8Array> {
  // Twenty bytes at most, positive.
  const serial = crypto.getRandomValues(new Uint8Array(16));
  const toSign = sequence(
    tagged(0, true, integer(Uint8Array.of(2))),
    integer(serial),
    ECDSA_WITH_SHA256,
    commonName(NAME),
    sequence(time(new Date(now - DAY)), time(new Date(now + 3650 * DAY))),
    commonName(subject),
    new Uint8Array(await crypto.subtle.exportKey("spki", key)),
    tagged(3, true, sequence(...extensions)),
  );
  const signature = new Uint8Array(await crypto.subtle.sign(SHA256, issuer, toSign));
  return sequence(toSign, ECDSA_WITH_SHA256, bits(ecdsaSignature(signature)));
}

function commonName(text: string): Uint8Array {
  return sequence(set(sequence(oid("2.5.4.3"), utf8(text))));
}

function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function pemOf(certificate: Uint8Array): string {
  const text = btoa(String.fromCharCode(...certificate)).replace(/.{1,64}/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${text}-----END CERTIFICATE-----\n`;
}

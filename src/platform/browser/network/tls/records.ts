// Records of TLS 1.2 (RFC 5246, section 6), in the clear and with AES-128-GCM (RFC 5288). One direction of one connection each.

import { type ByteReader, concat } from "../byte-pipe.ts";

export const ContentType = { CHANGE_CIPHER_SPEC: 20, ALERT: 21, HANDSHAKE: 22, APPLICATION_DATA: 23 } as const;
type ContentType = (typeof ContentType)[keyof typeof ContentType];

/** Alerts (section 7.2). */
export const Alert = {
  CLOSE_NOTIFY: 0,
  UNEXPECTED_MESSAGE: 10,
  BAD_RECORD_MAC: 20,
  RECORD_OVERFLOW: 22,
  HANDSHAKE_FAILURE: 40,
  ILLEGAL_PARAMETER: 47,
  DECODE_ERROR: 50,
  DECRYPT_ERROR: 51,
  PROTOCOL_VERSION: 70,
  NO_RENEGOTIATION: 100,
} as const;

/** The connection cannot go on: the client is told by that alert. */
export class TlsError extends Error {
  readonly alert: number;

  constructor(alert: number, message: string) {
    super(message);
    this.alert = alert;
  }
}

export interface TlsRecord {
  readonly type: number;
  readonly content: Uint8Array<ArrayBuffer>;
}

/** Bytes of type, version and length. */
const HEADER_LENGTH = 5;

/** Most plain bytes in one record (section 6.2.1). */
export const MAX_PLAIN: number = 2 ** 14;

/** What encryption adds: the part of the nonce that is sent, and the tag. */
const NONCE_SENT = 8;
const TAG = 16;

/** Keys of one direction. */
export interface DirectionKeys {
  readonly key: CryptoKey;
  /** The part of the nonce that is not sent: 4 bytes. */
  readonly salt: Uint8Array;
}

/** What both directions count for themselves. */
class Direction {
  #keys: DirectionKeys | undefined;
  #sequence = 0;

  /** After a ChangeCipherSpec. */
  protect(keys: DirectionKeys): void {
    this.#keys = keys;
    this.#sequence = 0;
  }

  protected next(): { keys: DirectionKeys; sequence: Uint8Array<ArrayBuffer> } | undefined {
    if (this.#keys === undefined) return undefined;
    const sequence = new Uint8Array(NONCE_SENT);
    new DataView(sequence.buffer).setBigUint64(0, BigInt(this.#sequence++));
    return { keys: this.#keys, sequence };
  }
}

export class RecordReader extends Direction {
  readonly #reader: ByteReader;

  constructor(reader: ByteReader) {
    super();
    this.#reader = reader;
  }

  /**
   * @returns `undefined` when the connection ends
   * @throws {TlsError}
   */
  async read(): Promise<TlsRecord | undefined> {
    const header = await this.#reader.take(HEADER_LENGTH);
    if (header === undefined) return undefined;
    const [type = 0, major = 0, , high = 0, low = 0] = header;
    const length = (high << 8) | low;
    if (major !== 3) throw new TlsError(Alert.PROTOCOL_VERSION, `a record of version ${major}`);
    if (length > MAX_PLAIN + NONCE_SENT + TAG) throw new TlsError(Alert.RECORD_OVERFLOW, `a record of ${length} bytes`);
    const body = await this.#reader.take(length);
    if (body === undefined) return undefined;
    const protection = this.next();
    return { type, content: protection === undefined ? body : await open(protection, header, body) };
  }
}

export class RecordWriter extends Direction {
  /** The records of these bytes, in order: as many as are needed. */
  async write(type: ContentType, content: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    const records: Uint8Array[] = [];
    for (let at = 0; at < content.length || at === 0; at += MAX_PLAIN) {
      const plain = content.subarray(at, at + MAX_PLAIN);
      const protection = this.next();
      const body = protection === undefined ? plain : await seal(protection, type, plain);
      records.push(headerOf(type, body.length), body);
    }
    return concat(...records);
  }
}

function headerOf(type: number, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(type, 3, 3, length >> 8, length & 0xff);
}

interface Protection {
  readonly keys: DirectionKeys;
  readonly sequence: Uint8Array<ArrayBuffer>;
}

function algorithm({ keys, sequence }: Protection, nonce: Uint8Array, type: number, length: number): AesGcmParams {
  return {
    name: "AES-GCM",
    iv: concat(keys.salt, nonce),
    additionalData: concat(sequence, headerOf(type, length)),
    tagLength: TAG * 8,
  };
}

async function seal(protection: Protection, type: number, plain: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const nonce = protection.sequence;
  const sealed = await crypto.subtle.encrypt(
    algorithm(protection, nonce, type, plain.length),
    protection.keys.key,
    plain as Uint8Array<ArrayBuffer>,
  );
  return concat(nonce, new Uint8Array(sealed));
}

async function open(
  protection: Protection,
  [type = 0]: Uint8Array,
  body: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  if (body.length < NONCE_SENT + TAG) throw new TlsError(Alert.BAD_RECORD_MAC, "a record too short for its tag");
  const nonce = body.subarray(0, NONCE_SENT);
  const length = body.length - NONCE_SENT - TAG;
  try {
    const plain = await crypto.subtle.decrypt(
      algorithm(protection, nonce, type, length),
      protection.keys.key,
      body.subarray(NONCE_SENT),
    );
    return new Uint8Array(plain);
  } catch {
    throw new TlsError(Alert.BAD_RECORD_MAC, "a record that was not made with the keys of this connection");
  }
}

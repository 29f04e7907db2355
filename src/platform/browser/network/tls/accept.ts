// The server's end of TLS 1.2, with one cipher suite: ECDHE over P-256, ECDSA, AES-128-GCM, all of it by Web Crypto. OpenSSL
// and curl know the suite since 2012. No resumption, no renegotiation, no certificates of clients.
//
//   client                    server
//   ClientHello      ------->
//                    <-------  ServerHello, Certificate, ServerKeyExchange, ServerHelloDone
//   ClientKeyExchange
//   ChangeCipherSpec
//   Finished         ------->
//                    <-------  ChangeCipherSpec, Finished

import { type BytePipe, ByteReader, concat } from "../byte-pipe.ts";
import type { Identity } from "./authority.ts";
import { type ClientHello, readClientHello } from "./client-hello.ts";
import { ecdsaSignature } from "./der.ts";
import { Alert, ContentType, RecordReader, RecordWriter, TlsError } from "./records.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Types of handshake messages (RFC 5246, section 7.4). */
const Message = {
  CLIENT_HELLO: 1,
  SERVER_HELLO: 2,
  CERTIFICATE: 11,
  SERVER_KEY_EXCHANGE: 12,
  SERVER_HELLO_DONE: 14,
  CLIENT_KEY_EXCHANGE: 16,
  FINISHED: 20,
} as const;

/** TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 (RFC 5289). */
const CIPHER_SUITE = 0xc02b;

/** secp256r1 (RFC 8422) and ecdsa_secp256r1_sha256 (RFC 8446, section 4.2.3). */
const P256 = 23;
const ECDSA_P256_SHA256 = 0x0403;

/** Bytes of a point of P-256, uncompressed. */
const POINT_LENGTH = 65;

/** Largest handshake message that is taken: a ClientHello has some hundred bytes. */
const MAX_MESSAGE = 64 * 1024;

const MASTER_SECRET_LENGTH = 48;
const VERIFY_DATA_LENGTH = 12;
const KEY_LENGTH = 16;
const SALT_LENGTH = 4;

const ECDH = { name: "ECDH", namedCurve: "P-256" } as const;

/**
 * Takes a client's handshake.
 *
 * @param identityOf what to show to a client that wants a server of that name; `undefined`: it named none
 * @returns the connection inside of it; `undefined` when the client left
 * @throws {TlsError} when there is nothing to agree on; the client has been told
 */
export async function acceptTls(
  pipe: BytePipe,
  identityOf: (name: string | undefined) => Promise<Identity>,
): Promise<BytePipe | undefined> {
  const connection = new TlsConnection(pipe);
  try {
    return (await new Handshake(connection, identityOf).run()) ? connection : undefined;
  } catch (error) {
    if (error instanceof TlsError) await connection.alert(error.alert);
    throw error;
  }
}

/** Records over a pipe; once keys are there, a pipe itself. */
class TlsConnection implements BytePipe {
  readonly #pipe: BytePipe;
  readonly reader: RecordReader;
  readonly writer = new RecordWriter();
  #ended = false;

  constructor(pipe: BytePipe) {
    this.#pipe = pipe;
    this.reader = new RecordReader(new ByteReader(pipe));
  }

  /** The next record that is no alert. */
  async record(): Promise<{ readonly type: number; readonly content: Bytes } | undefined> {
    while (!this.#ended) {
      const record = await this.reader.read();
      if (record === undefined) break;
      if (record.type !== ContentType.ALERT) return record;
      const [level, description] = record.content;
      // A warning that is no end changes nothing.
      if (level === 2 || description === Alert.CLOSE_NOTIFY) break;
    }
    this.#ended = true;
    return undefined;
  }

  async send(type: (typeof ContentType)[keyof typeof ContentType], content: Uint8Array): Promise<void> {
    await this.#pipe.write(await this.writer.write(type, content));
  }

  /** Tells of an error, as far as that is still possible. */
  async alert(description: number): Promise<void> {
    await this.send(ContentType.ALERT, Uint8Array.of(2, description)).catch(() => {});
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const record = await this.record();
      if (record === undefined) return undefined;
      if (record.type !== ContentType.APPLICATION_DATA) {
        await this.alert(Alert.NO_RENEGOTIATION);
        throw new TlsError(Alert.NO_RENEGOTIATION, "a handshake in the middle of a connection");
      }
      if (record.content.length > 0) return record.content;
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length > 0) await this.send(ContentType.APPLICATION_DATA, bytes);
  }

  async close(): Promise<void> {
    await this.send(ContentType.ALERT, Uint8Array.of(1, Alert.CLOSE_NOTIFY)).catch(() => {});
    await this.#pipe.close();
  }
}

class Handshake {
  readonly #connection: TlsConnection;
  readonly #identityOf: (name: string | undefined) => Promise<Identity>;
  /** All messages so far, as they were sent. */
  #transcript: Bytes = new Uint8Array(0);
  /** Of the client, not yet read. */
  #waiting: Bytes = new Uint8Array(0);

  constructor(connection: TlsConnection, identityOf: (name: string | undefined) => Promise<Identity>) {
    this.#connection = connection;
    this.#identityOf = identityOf;
  }

  /** @returns false when the client left in the middle of it */
  async run(): Promise<boolean> {
    const helloBody = await this.#receive(Message.CLIENT_HELLO);
    if (helloBody === undefined) return false;
    const hello = readClientHello(helloBody);
    checkAgreement(hello);
    const { chain, key } = await this.#identityOf(hello.serverName);
    const random = crypto.getRandomValues(new Uint8Array(32));
    const share = await crypto.subtle.generateKey(ECDH, false, ["deriveBits"]);
    await this.#send(
      message(Message.SERVER_HELLO, serverHello(hello, random)),
      message(Message.CERTIFICATE, vector(3, ...chain.map((certificate) => vector(3, certificate)))),
      message(Message.SERVER_KEY_EXCHANGE, await keyExchange(hello.random, random, share.publicKey, key)),
      message(Message.SERVER_HELLO_DONE),
    );

    const exchange = await this.#receive(Message.CLIENT_KEY_EXCHANGE);
    if (exchange === undefined) return false;
    const shared = await sharedSecret(share.privateKey, exchange);
    const master = hello.extendedMasterSecret
      ? await prf(shared, "extended master secret", await sha256(this.#transcript), MASTER_SECRET_LENGTH)
      : await prf(shared, "master secret", concat(hello.random, random), MASTER_SECRET_LENGTH);
    const keys = await prf(master, "key expansion", concat(random, hello.random), 2 * (KEY_LENGTH + SALT_LENGTH));
    const salts = keys.subarray(2 * KEY_LENGTH);

    if (!(await this.#changedCipher())) return false;
    this.#connection.reader.protect({
      key: await aesKey(keys.subarray(0, KEY_LENGTH)),
      salt: salts.subarray(0, SALT_LENGTH),
    });
    const expected = await prf(master, "client finished", await sha256(this.#transcript), VERIFY_DATA_LENGTH);
    const finished = await this.#receive(Message.FINISHED);
    if (finished === undefined) return false;
    if (finished.length !== expected.length || finished.some((byte, at) => byte !== expected[at])) {
      throw new TlsError(Alert.DECRYPT_ERROR, "the client saw another handshake");
    }
    await this.#connection.send(ContentType.CHANGE_CIPHER_SPEC, Uint8Array.of(1));
    this.#connection.writer.protect({
      key: await aesKey(keys.subarray(KEY_LENGTH, 2 * KEY_LENGTH)),
      salt: salts.subarray(SALT_LENGTH),
    });
    const proof = await prf(master, "server finished", await sha256(this.#transcript), VERIFY_DATA_LENGTH);
    await this.#send(message(Message.FINISHED, proof));
    return true;
  }

  async #send(...messages: readonly Bytes[]): Promise<void> {
    const bytes = concat(...messages);
    this.#transcript = concat(this.#transcript, bytes);
    await this.#connection.send(ContentType.HANDSHAKE, bytes);
  }

  /** The body of the next message, which must be of that type. */
  async #receive(wanted: number): Promise<Bytes | undefined> {
    for (;;) {
      const [type, a = 0, b = 0, c = 0] = this.#waiting;
      const end = 4 + ((a << 16) | (b << 8) | c);
      if (this.#waiting.length >= 4) {
        if (type !== wanted) throw new TlsError(Alert.UNEXPECTED_MESSAGE, `message ${type} in the place of ${wanted}`);
        if (end > MAX_MESSAGE) throw new TlsError(Alert.DECODE_ERROR, `a message of ${end} bytes`);
        if (this.#waiting.length >= end) {
          const whole = this.#waiting.slice(0, end);
          this.#waiting = this.#waiting.slice(end);
          this.#transcript = concat(this.#transcript, whole);
          return whole.subarray(4);
        }
      }
      const record = await this.#connection.record();
      if (record === undefined) return undefined;
      if (record.type !== ContentType.HANDSHAKE || record.content.length === 0) {
        throw new TlsError(Alert.UNEXPECTED_MESSAGE, `a record of type ${record.type} in the handshake`);
      }
      this.#waiting = concat(this.#waiting, record.content);
    }
  }

  async #changedCipher(): Promise<boolean> {
    const record = await this.#connection.record();
    if (record === undefined) return false;
    if (record.type !== ContentType.CHANGE_CIPHER_SPEC || this.#waiting.length > 0) {
      throw new TlsError(Alert.UNEXPECTED_MESSAGE, "no ChangeCipherSpec where it must be");
    }
    return true;
  }
}

function checkAgreement({ cipherSuites, groups, signatures }: ClientHello): void {
  const agreed = cipherSuites.includes(CIPHER_SUITE) && groups.includes(P256) && signatures.includes(ECDSA_P256_SHA256);
  if (agreed) return;
  throw new TlsError(Alert.HANDSHAKE_FAILURE, "the client does not know ECDHE-ECDSA-AES128-GCM-SHA256 over P-256");
}

function serverHello(hello: ClientHello, random: Bytes): Bytes {
  const extensions: Bytes[] = [];
  if (hello.secureRenegotiation) extensions.push(extension(0xff01, vector(1)));
  if (hello.extendedMasterSecret) extensions.push(extension(23));
  if (hello.protocols.includes("http/1.1")) {
    extensions.push(extension(16, vector(2, vector(1, new TextEncoder().encode("http/1.1")))));
  }
  // Points uncompressed, which is all that there is.
  extensions.push(extension(11, vector(1, Uint8Array.of(0))));
  // No session id: nothing is resumed. No compression.
  return concat(number(2, 0x0303), random, vector(1), number(2, CIPHER_SUITE), number(1, 0), vector(2, ...extensions));
}

/** RFC 8422, section 5.4. */
async function keyExchange(clientRandom: Uint8Array, random: Bytes, share: CryptoKey, key: CryptoKey): Promise<Bytes> {
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", share));
  const params = concat(number(1, 3), number(2, P256), vector(1, point));
  const signed = concat(clientRandom, random, params);
  const signature = new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, signed));
  return concat(params, number(2, ECDSA_P256_SHA256), vector(2, ecdsaSignature(signature)));
}

async function sharedSecret(own: CryptoKey, exchange: Bytes): Promise<Bytes> {
  const point = exchange.subarray(1);
  if (exchange[0] !== POINT_LENGTH || point.length !== POINT_LENGTH) {
    throw new TlsError(Alert.DECODE_ERROR, "the client's share is no point of P-256");
  }
  try {
    const theirs = await crypto.subtle.importKey("raw", point, ECDH, false, []);
    return new Uint8Array(await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, own, 256));
  } catch {
    throw new TlsError(Alert.ILLEGAL_PARAMETER, "the client's share is no point of P-256");
  }
}

/** The pseudorandom function of TLS 1.2 with SHA-256 (RFC 5246, section 5). */
async function prf(secret: Bytes, label: string, seed: Uint8Array, length: number): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const hmac = async (bytes: Bytes): Promise<Bytes> => new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes));
  const labelled = concat(new TextEncoder().encode(label), seed);
  let made: Bytes = new Uint8Array(0);
  for (let a = await hmac(labelled); made.length < length; a = await hmac(a)) {
    made = concat(made, await hmac(concat(a, labelled)));
  }
  return made.slice(0, length);
}

async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

function aesKey(bytes: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
}

/** Big-endian. */
function number(size: number, value: number): Bytes {
  return Uint8Array.from({ length: size }, (_, at) => (value >>> (8 * (size - 1 - at))) & 0xff);
}

function vector(size: number, ...content: readonly Uint8Array[]): Bytes {
  const body = concat(...content);
  return concat(number(size, body.length), body);
}

function message(type: number, ...content: readonly Uint8Array[]): Bytes {
  return concat(number(1, type), vector(3, ...content));
}

function extension(type: number, ...content: readonly Uint8Array[]): Bytes {
  return concat(number(2, type), vector(2, ...content));
}

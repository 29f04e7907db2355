// The TLS that PHP's OpenSSL meets in a page, against the OpenSSL of Node.

import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BytePipe, ByteReader, concat } from "../../../../src/platform/browser/network/byte-pipe.ts";
import { acceptTls } from "../../../../src/platform/browser/network/tls/accept.ts";
import { Authority } from "../../../../src/platform/browser/network/tls/authority.ts";
import { readClientHello } from "../../../../src/platform/browser/network/tls/client-hello.ts";
import { integer, oid, time } from "../../../../src/platform/browser/network/tls/der.ts";
import { RecordReader, RecordWriter, TlsError } from "../../../../src/platform/browser/network/tls/records.ts";
import { listen } from "../../../php/network-servers.ts";
import { Pipe } from "./pipes.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

class SocketPipe implements BytePipe {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Uint8Array>;
  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => {});
    this.#chunks = socket[Symbol.asyncIterator]();
  }
  async read(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#chunks.next();
    return done === true ? undefined : value;
  }
  async write(bytes: Uint8Array): Promise<void> {
    if (!this.#socket.write(bytes)) await once(this.#socket, "drain");
  }
  async close(): Promise<void> {
    this.#socket.end();
  }
}

describe("TLS in a page", () => {
  let authority: Authority;
  let port: number;
  const errors: unknown[] = [];
  const server = createServer((socket) => {
    const echo = async () => {
      const inner = await acceptTls(new SocketPipe(socket), (name = "127.0.0.1") => authority.identity(name));
      for (let bytes = await inner?.read(); bytes !== undefined; bytes = await inner?.read()) {
        await inner?.write(bytes);
        if (Buffer.from(bytes).toString().endsWith("bye")) break;
      }
      await inner?.close();
    };
    echo().catch((error: unknown) => {
      errors.push(error);
      socket.end();
    });
  });
  beforeAll(async () => {
    authority = await Authority.create();
    port = await listen(server);
  });
  afterAll(() => {
    server.close();
  });

  const talk = async (
    text: string,
    options: ConnectionOptions,
  ): Promise<[received: string, socket: TLSSocket, cipher: string]> => {
    const socket = connect({ port, host: "127.0.0.1", ca: authority.pem, ...options });
    await once(socket, "secureConnect");
    const cipher = socket.getCipher().standardName;
    socket.write(text);
    let received = "";
    for await (const chunk of socket) received += String(chunk);
    return [received, socket, cipher];
  };

  test("is verified and spoken by OpenSSL, with names and with addresses, in one record and in many", async () => {
    const large = `${"x".repeat(1_000_000)} bye`;
    for (const [text, servername] of [
      ["hello bye", "www.example.org"],
      [large, "localhost"],
    ] as const) {
      const [received, socket, cipher] = await talk(text, { servername, ALPNProtocols: ["h2", "http/1.1"] });
      expect(received).toBe(text);
      expect(socket.authorized).toBe(true);
      expect(socket.alpnProtocol).toBe("http/1.1");
      expect(cipher).toBe("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    }
    expect((await talk("by address bye", {}))[0]).toBe("by address bye");
  });

  test("is not taken for another host, nor from another authority", async () => {
    const other = (await Authority.create()).pem;
    await expect(talk("", { servername: "a.example", ca: other })).rejects.toThrow(/certificate|signature/);
    const socket = connect({ port, host: "127.0.0.1", ca: authority.pem, servername: "a.example" });
    await once(socket, "secureConnect");
    expect(socket.getPeerCertificate().subjectaltname).toBe("DNS:a.example");
    socket.destroy();
  });

  test("tells a client with other suites, or other versions, that there is nothing to agree on", async () => {
    errors.length = 0;
    await expect(talk("", { ciphers: "ECDHE-RSA-AES128-GCM-SHA256", maxVersion: "TLSv1.2" })).rejects.toThrow(/alert/);
    await expect(talk("", { minVersion: "TLSv1.3" })).rejects.toThrow(/alert/);
    expect(errors.map((error) => error instanceof TlsError && error.alert)).toEqual([40, 40]);
  });

  test("ends on garbage, on a client that leaves, and on a record that was changed", async () => {
    const serve = async (bytes: Uint8Array) => {
      const [client, end] = Pipe.pair();
      await client.write(bytes);
      const done = acceptTls(end, () => authority.identity("a")).then(
        (inner) => inner,
        (error: unknown) => error,
      );
      await client.close();
      return await done;
    };
    expect(await serve(Buffer.from("160301", "hex"))).toBeUndefined();
    // Not version 3; 65535 bytes; no ClientHello; a ClientHello of three bytes; application data.
    expect(await serve(Buffer.from("1605010001ff", "hex"))).toMatchObject({ alert: 70 });
    expect(await serve(Buffer.from("160301ffff", "hex"))).toMatchObject({ alert: 22 });
    expect(await serve(Buffer.from("160301000402000000", "hex"))).toMatchObject({ alert: 10 });
    expect(await serve(Buffer.from("1603010007010000030303ff", "hex"))).toMatchObject({ alert: 50 });
    expect(await serve(Buffer.from("1603010004010fffff", "hex"))).toMatchObject({ alert: 50 });
    expect(await serve(Buffer.from("170301000100", "hex"))).toMatchObject({ alert: 10 });

    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, true, ["encrypt", "decrypt"]);
    const keys = { key, salt: new Uint8Array(4) };
    const [client, end] = Pipe.pair();
    const writer = new RecordWriter();
    const reader = new RecordReader(new ByteReader(end));
    writer.protect(keys);
    reader.protect(keys);
    await client.write(await writer.write(23, Buffer.from("whole")));
    expect(Buffer.from((await reader.read())?.content ?? []).toString()).toBe("whole");
    const changed = await writer.write(23, Buffer.from("changed"));
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    await client.write(changed);
    await expect(reader.read()).rejects.toMatchObject({ alert: 20 });
  });

  test("reads a ClientHello that is cut anywhere as malformed, and never beyond it", () => {
    const extension = Buffer.from("0000000e000c0000096c6f63616c686f7374000a00040002001700170000", "hex");
    const hello = concat(
      Buffer.from("0303", "hex"),
      new Uint8Array(32),
      Buffer.from("000004c02b00ff0100", "hex"),
      Uint8Array.of(extension.length >> 8, extension.length),
      extension,
    );
    expect(readClientHello(hello)).toMatchObject({
      serverName: "localhost",
      cipherSuites: [0xc02b, 0xff],
      groups: [23],
      signatures: [],
      extendedMasterSecret: true,
      secureRenegotiation: true,
    });
    // Without extensions it is whole, too.
    const bare = hello.length - extension.length - 2;
    for (let at = 0; at < hello.length; at++) {
      if (at === bare) expect(readClientHello(hello.subarray(0, at)).serverName).toBeUndefined();
      else expect(() => readClientHello(hello.subarray(0, at)), String(at)).toThrow(TlsError);
    }
  });

  test("writes DER: numbers with a sign, identifiers, times of two centuries", () => {
    const bytes = (...values: number[]) => Uint8Array.from(values);
    expect(hex(integer(bytes(0, 0, 0x80, 1)))).toBe("0203008001");
    expect(hex(integer(bytes(0)))).toBe("020100");
    expect(hex(integer(bytes(0x7f)))).toBe("02017f");
    expect(hex(oid("1.2.840.10045.4.3.2"))).toBe("06082a8648ce3d040302");
    expect(Buffer.from(time(new Date(Date.UTC(2026, 0, 2, 3, 4, 5)))).toString()).toContain("260102030405Z");
    expect(Buffer.from(time(new Date(Date.UTC(2051, 0, 2, 3, 4, 5)))).toString()).toContain("20510102030405Z");
  });
});

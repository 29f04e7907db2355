// What Wireshark's dissector says of a capture, record by record.

import { execFileSync } from "node:child_process";
import { peerPath } from "../peers/peer.ts";

export interface TsharkRecord {
  readonly stream: number;
  readonly toApplication: boolean;
  readonly type: number;
  readonly requestId: number;
  readonly contentLength: number;
  readonly paddingLength: number;
}

/** Runs tshark on a file whose port 9000 speaks FastCGI. */
export function tshark(file: string, ...args: readonly string[]): string {
  const checks = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"];
  const all = ["-r", file, "-d", "tcp.port==9000,fcgi", ...checks, ...args];
  return execFileSync(peerPath("tshark"), all, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 1 << 28,
  });
}

/** The records of every connection, in the order in which they were whole. */
export function tsharkRecords(file: string): TsharkRecord[] {
  const names = ["tcp.stream", "tcp.dstport", "fcgi.type", "fcgi.id", "fcgi.content.length", "fcgi.padding.length"];
  const out = tshark(file, "-Y", "fcgi", "-T", "fields", ...names.flatMap((name) => ["-e", name]));
  return out
    .split("\n")
    .filter((line) => line !== "")
    .flatMap((line) => {
      const [stream = "", port = "", ...columns] = line.split("\t");
      const [types = [], ids = [], contents = [], paddings = []] = columns.map((column) =>
        column.split(",").map(Number),
      );
      return types.map((type, index) => ({
        stream: Number(stream),
        toApplication: port === "9000",
        type,
        requestId: ids[index] ?? -1,
        contentLength: contents[index] ?? -1,
        paddingLength: paddings[index] ?? -1,
      }));
    });
}

/** What tshark finds odd in a file; what peers did is not odd: ends and resets are left out. */
export function tsharkWarnings(file: string): string[] {
  const out = tshark(
    file,
    "-Y",
    "_ws.malformed || tcp.analysis.flags || (_ws.expert.severity >= 6291456 && !tcp.connection.rst)",
    "-T",
    "fields",
    "-e",
    "frame.number",
    "-e",
    "_ws.expert.message",
  );
  const sums = tshark(
    file,
    "-Y",
    "ip.checksum.status != 1 || tcp.checksum.status != 1",
    "-T",
    "fields",
    "-e",
    "frame.number",
  );
  return [
    ...out.split("\n"),
    ...sums.split("\n").map((line) => (line === "" ? "" : `checksum of frame ${line}`)),
  ].filter((line) => line !== "");
}

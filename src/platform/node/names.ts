// Names of hosts on Node: the system's resolver is asked. A host that has addresses of IPv6 only gets one that stands for its
// name, because PHP's sockets here are those of IPv4.

import { lookup } from "node:dns/promises";
import { isNoName, NameTable, type ResolveName } from "../../php/names.ts";

/** Longest wait for the system's resolver, in milliseconds: its own patience is half a minute and more. */
const TIMEOUT = 10_000;

/** Names of all interpreters in this thread. */
export const names: NameTable = new NameTable();

export const resolveName: ResolveName = async (name) => {
  if (isNoName(name)) return undefined;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("the resolver does not answer")), TIMEOUT);
  });
  try {
    const found = await Promise.race([lookup(name, { all: true }), late]);
    const four = found.find(({ family }) => family === 4);
    return four?.address ?? (found.length > 0 ? names.addressFor(name) : undefined);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
};

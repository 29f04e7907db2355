// The sockets of a pool as its configuration wants them: owner, group, mode, backlog, and whom they let in.

import { chownSync } from "node:fs";
import { BlockList, isIPv4 } from "node:net";
import { type ListenAddress, parseListen } from "../fpm/conf/listen.ts";
import type { PoolFile } from "../fpm/conf/types.ts";
import { formatAddress } from "../transport/address.ts";
import { listen, type NodeListener } from "../transport/node/listen.ts";
import type { Transport } from "../transport/transport.ts";
import { nodeConfSystem, primaryGroup } from "./conf-system.ts";
import { CliError, codeOf, listenFailure, messageOf } from "./failure.ts";

/** php-fpm's default of `listen.mode`. */
const MODE = 0o660;

/** What listens where. */
export type Accept = (transport: Transport, remote: string | undefined) => void;

/**
 * Listens where `listen` or `pm.status_listen` says. A reload may hand an address over: the new listener is bound first.
 *
 * @throws {CliError} naming the address
 */
export async function listenFor(pool: PoolFile, address: string, accept: Accept): Promise<NodeListener> {
  const parsed = parseListen(address);
  if (parsed === undefined) throw new CliError(`[pool ${pool.name}] ${address} is no address.`);
  const backlog = pool.listenBacklog < 0 ? {} : { backlog: Math.max(1, pool.listenBacklog) };
  if (parsed.type === "tcp") return listenTcp(parsed, accept, { ...backlog, ...allowed(pool) });

  const mode = pool.listenMode ?? MODE;
  // Nobody may come in before the mode is set: the socket is made with it.
  const umask = process.umask(0o777 & ~mode);
  const listening = listen(parsed, accept, { mode, ...backlog });
  process.umask(umask);
  const listener = await listening.catch((error: unknown) => {
    throw listenFailure(error, formatAddress(parsed));
  });
  try {
    setOwner(pool, parsed.path);
    return listener;
  } catch (error) {
    await listener.close();
    throw error;
  }
}

type TcpOptions = { readonly backlog?: number; readonly allow?: (remote: string | undefined) => boolean };

async function listenTcp(
  address: ListenAddress & { type: "tcp" },
  accept: Accept,
  options: TcpOptions,
): Promise<NodeListener> {
  try {
    return await listen(address, accept, options);
  } catch (error) {
    // "Every address" without IPv6 on this machine.
    if (address.host === "::" && codeOf(error) === "EAFNOSUPPORT") {
      return listenTcp({ ...address, host: "0.0.0.0" }, accept, options);
    }
    throw listenFailure(error, formatAddress(address));
  }
}

function setOwner(pool: PoolFile, path: string): void {
  const { listenOwner: owner, listenGroup: group } = pool;
  if (owner === undefined && group === undefined) return;
  const system = nodeConfSystem();
  const uid = owner === undefined ? undefined : system.userId(owner);
  const gid = group === undefined ? primaryGroup(owner ?? "") : system.groupId(group);
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  try {
    chownSync(path, uid ?? own.uid, gid ?? own.gid);
  } catch (error) {
    throw new CliError(`[pool ${pool.name}] the owner of ${path} cannot be set: ${messageOf(error)}`, {
      hint: "Only root may give a socket away: start as root, or leave out listen.owner and listen.group.",
      cause: error,
    });
  }
}

/** `listen.allowed_clients`: addresses, whatever the way in which they are written. */
function allowed({ listenAllowedClients: clients }: PoolFile): Pick<TcpOptions, "allow"> {
  if (clients === undefined) return {};
  const list = new BlockList();
  for (const client of clients) list.addAddress(client, isIPv4(client) ? "ipv4" : "ipv6");
  return {
    allow(remote) {
      if (remote === undefined) return false;
      // A listener for every address sees IPv4 ones mapped into IPv6.
      const plain = remote.replace(/^::ffff:(?=\d+\.)/i, "");
      return list.check(plain, isIPv4(plain) ? "ipv4" : "ipv6");
    },
  };
}

// The programs that tests meet on the other side of a wire: how each is called, where it may be, which package brings it.

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

export interface PeerProgram {
  /** File names to look for, best first. */
  readonly commands: readonly string[];
  /** Debian packages to install, as given to `apt-get install`. */
  readonly packages: readonly string[];
}

/** Every peer that a test may ask for. */
export const PEERS = {
  "php-fpm8.2": {
    commands: ["php-fpm8.2"],
    packages: ["php8.2-fpm", "php8.2-sqlite3", "php8.2-mbstring", "php8.2-xml"],
  },
  "php8.2": { commands: ["php8.2"], packages: ["php8.2-cli", "php8.2-mbstring", "php8.2-intl"] },
  mariadbd: { commands: ["mariadbd"], packages: ["mariadb-server-core", "mariadb-client-core"] },
  nginx: { commands: ["nginx"], packages: ["nginx-light"] },
  "cgi-fcgi": { commands: ["cgi-fcgi"], packages: ["libfcgi-bin"] },
  tshark: { commands: ["tshark"], packages: ["tshark"] },
  wrk: { commands: ["wrk"], packages: ["wrk"] },
  apache2: { commands: ["apache2"], packages: ["apache2"] },
  caddy: { commands: ["caddy"], packages: ["caddy"] },
  lighttpd: { commands: ["lighttpd"], packages: ["lighttpd"] },
  haproxy: { commands: ["haproxy"], packages: ["haproxy"] },
  chromium: { commands: ["chromium"], packages: ["chromium"] },
} as const satisfies Record<string, PeerProgram>;

export type PeerName = keyof typeof PEERS;

/** Daemons live in sbin, which an ordinary user's PATH leaves out. */
const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"];

/** @returns the absolute path of the first command found, or `undefined` */
export function findProgram(commands: readonly string[]): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...SYSTEM_FOLDERS].filter((folder) => folder !== "");
  for (const command of commands) {
    for (const folder of folders) {
      const path = join(folder, command);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not here: look in the next folder.
      }
    }
  }
  return undefined;
}

/** The command that installs what `missing` lacks. */
export function installLine(missing: readonly PeerName[]): string {
  const packages = [...new Set(missing.flatMap((name) => [...PEERS[name].packages]))];
  return `apt-get install -y --no-install-recommends ${packages.join(" ")}`;
}

// What one directive means for another: php-fpm's checks of a whole configuration, and all that fail are told.

import { AccessFormatError, compileAccessFormat } from "../access-format.ts";
import { LISTEN_FORMS, parseListen } from "./listen.ts";
import type { FileProblem } from "./problem.ts";
import type { FpmConfig, Place, PoolFile } from "./types.ts";

/** What the checks need of the machine. */
export interface Machine {
  isDirectory(path: string): boolean;
  /** The id of a user, by name or number; undefined: there is none. */
  userId(name: string): number | undefined;
  groupId(name: string): number | undefined;
}

/** Where each directive of a pool was given, by the pool's name. */
export type PlacesOfPool = ReadonlyMap<string, ReadonlyMap<string, Place>>;

/** Checks every pool by itself, then all of them together. */
export function checkConfig(config: FpmConfig, places: PlacesOfPool, machine: Machine): FileProblem[] {
  const problems: FileProblem[] = [];
  for (const pool of config.pools) {
    const given = places.get(pool.name) ?? new Map<string, Place>();
    new PoolCheck(pool, given, problems).run(machine);
  }
  checkAddresses(config.pools, places, problems);
  return problems;
}

class PoolCheck {
  readonly #pool: PoolFile;
  readonly #given: ReadonlyMap<string, Place>;
  readonly #problems: FileProblem[];

  constructor(pool: PoolFile, given: ReadonlyMap<string, Place>, problems: FileProblem[]) {
    this.#pool = pool;
    this.#given = given;
    this.#problems = problems;
  }

  run(machine: Machine): void {
    this.#mandatory();
    this.#children();
    this.#requests();
    this.#pages();
    this.#accessFormat();
    this.#directories(machine);
    this.#socket(machine);
  }

  #refuse(directive: string, value: string | number | undefined, allowed: string): void {
    const place = this.#given.get(directive) ?? this.#pool.place;
    const text = value === undefined ? undefined : String(value);
    this.#problems.push({ place, section: this.#pool.name, directive, value: text, allowed });
  }

  #mandatory(): void {
    const { listen } = this.#pool;
    if (listen === "") this.#refuse("listen", this.#given.has("listen") ? "" : undefined, LISTEN_FORMS);
    else if (parseListen(listen) === undefined) this.#refuse("listen", listen, LISTEN_FORMS);
    if (!this.#given.has("pm")) this.#refuse("pm", undefined, "static, dynamic or ondemand");
    if (!this.#given.has("pm.max_children")) this.#refuse("pm.max_children", undefined, "a whole number from 1");
  }

  #children(): void {
    const { pm, pmMaxChildren: most, pmMinSpareServers: min, pmMaxSpareServers: max } = this.#pool;
    if (pm === "ondemand" && this.#pool.pmProcessIdleTimeout < 1) {
      this.#refuse("pm.process_idle_timeout", 0, "from 1s");
    }
    if (pm !== "dynamic") return;
    if (this.#pool.pmMaxSpawnRate < 1) this.#refuse("pm.max_spawn_rate", this.#pool.pmMaxSpawnRate, "from 1");
    const limits = [
      { name: "pm.min_spare_servers", value: min, least: 1, from: "1" },
      { name: "pm.max_spare_servers", value: max, least: Math.max(1, min), from: `pm.min_spare_servers (${min})` },
    ];
    let broken = most < 1;
    for (const { name, value, least, from } of limits) {
      const missing = !this.#given.has(name);
      if (!missing && value >= least && (most < 1 || value <= most)) continue;
      broken = true;
      const upTo = most < 1 ? "" : ` to pm.max_children (${most})`;
      this.#refuse(name, missing ? undefined : value, `from ${least === 1 ? "1" : from}${upTo}, with pm = dynamic`);
    }
    const { pmStartServers: start } = this.#pool;
    if (!broken && (start < min || start > max)) {
      const range = `from pm.min_spare_servers (${min}) to pm.max_spare_servers (${max}), or 0 for halfway`;
      this.#refuse("pm.start_servers", start, range);
    }
  }

  #requests(): void {
    const { slowlog, requestSlowlogTimeout: slow, requestTerminateTimeout: terminate } = this.#pool;
    if (slow > 0 && slowlog === undefined) {
      this.#refuse("slowlog", undefined, "the path of a file, because request_slowlog_timeout is set");
    }
    if (terminate > 0 && slow > terminate) {
      const most = `at most request_terminate_timeout (${terminate / 1000}s)`;
      this.#refuse("request_slowlog_timeout", `${slow / 1000}s`, most);
    }
  }

  #pages(): void {
    const { pingPath, pingResponse, pmStatusListen } = this.#pool;
    if (pingPath !== undefined && pingResponse === "") this.#refuse("ping.response", "", "at least one character");
    if (pmStatusListen !== undefined && parseListen(pmStatusListen) === undefined) {
      this.#refuse("pm.status_listen", pmStatusListen, LISTEN_FORMS);
    }
  }

  /** As php-fpm: a format that is not used is not looked at. */
  #accessFormat(): void {
    const { accessLog, accessFormat } = this.#pool;
    if (accessLog === undefined || accessFormat === undefined) return;
    try {
      compileAccessFormat(accessFormat);
    } catch (error) {
      if (!(error instanceof AccessFormatError)) throw error;
      this.#refuse("access.format", accessFormat, `${error.allowed} (at character ${error.position + 1})`);
    }
  }

  #directories(machine: Machine): void {
    const { prefix, chroot, chdir } = this.#pool;
    const exists = "a directory that exists";
    if (prefix !== undefined && !machine.isDirectory(prefix)) this.#refuse("prefix", prefix, exists);
    if (chroot?.includes("$prefix") === true) this.#refuse("chroot", chroot, "$prefix at the beginning only");
    else if (chroot !== undefined && !machine.isDirectory(chroot)) this.#refuse("chroot", chroot, exists);
    if (chdir === undefined) return;
    if (chroot === undefined) {
      if (!machine.isDirectory(chdir)) this.#refuse("chdir", chdir, exists);
    } else if (!chdir.startsWith("/")) this.#refuse("chdir", chdir, "a path that starts with /, below chroot");
    else if (!machine.isDirectory(`${chroot}/${chdir}`)) this.#refuse("chdir", chdir, `${exists} below ${chroot}`);
  }

  #socket(machine: Machine): void {
    if (parseListen(this.#pool.listen)?.type !== "unix") return;
    const { listenOwner, listenGroup } = this.#pool;
    if (listenOwner !== undefined && machine.userId(listenOwner) === undefined) {
      this.#refuse("listen.owner", listenOwner, "a user of this machine, by name or number");
    }
    if (listenGroup !== undefined && machine.groupId(listenGroup) === undefined) {
      this.#refuse("listen.group", listenGroup, "a group of this machine, by name or number");
    }
  }
}

/** No address twice, status pages included. */
function checkAddresses(pools: readonly PoolFile[], places: PlacesOfPool, problems: FileProblem[]): void {
  const taken = new Map<string, string>();
  for (const pool of pools) {
    for (const [directive, address] of [
      ["listen", pool.listen],
      ["pm.status_listen", pool.pmStatusPath === undefined ? undefined : pool.pmStatusListen],
    ] as const) {
      const parsed = address === undefined ? undefined : parseListen(address);
      if (address === undefined || parsed === undefined) continue;
      const key = parsed.type === "unix" ? parsed.path : `${parsed.host} ${parsed.port}`;
      const other = taken.get(key);
      // Port 0 is a free one each time.
      if (parsed.type === "tcp" && parsed.port === 0) continue;
      if (other === undefined) taken.set(key, `${directive} of [${pool.name}]`);
      else {
        const place = places.get(pool.name)?.get(directive) ?? pool.place;
        const allowed = `an address of its own; this one is ${other}`;
        problems.push({ place, section: pool.name, directive, value: address, allowed });
      }
    }
  }
}

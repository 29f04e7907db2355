import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseAddress } from "./address.ts";
import { findProgram, installLine, PEERS } from "./binaries.ts";
import { cgiFcgi, scriptParams } from "./cgi-fcgi.ts";
import { startNginx } from "./nginx.ts";
import { describePeers } from "./peer.ts";
import { neededPeers, needsLabel } from "./peer-names.ts";
import { startPhpFpm } from "./php-fpm.ts";
import { Program } from "./program.ts";
import { makeScratch, type Scratch } from "./scratch.ts";

describe("peers", () => {
  test("finds a program and says undefined for one that is not there", () => {
    expect(findProgram(["no-such-program", "sh"])).toMatch(/\/sh$/);
    expect(findProgram(["no-such-program"])).toBeUndefined();
  });

  test("names every package once in the line that installs the missing ones", () => {
    expect(installLine(["nginx", "nginx", "php-fpm8.2"])).toBe(
      "apt-get install -y --no-install-recommends nginx-light php8.2-fpm php8.2-sqlite3 php8.2-mbstring php8.2-xml",
    );
  });

  test("reads back from a group's name what it needs", () => {
    expect(neededPeers(`a title ${needsLabel(["nginx", "cgi-fcgi"])} > a test`)).toEqual(["nginx", "cgi-fcgi"]);
    expect(neededPeers("a title [needs: sleep] > a test")).toEqual([]);
  });

  test("reads the addresses it prints", () => {
    expect(parseAddress("tcp://127.0.0.1:9000")).toEqual({ kind: "tcp", port: 9000 });
    expect(parseAddress("unix:/run/a b.sock")).toEqual({ kind: "unix", path: "/run/a b.sock" });
    expect(() => parseAddress("http://127.0.0.1")).toThrow("not a FastCGI address");
  });

  test("shows a program's output when it ends before it is ready", async () => {
    const program = new Program("sh", ["-c", "echo broken pipe dream; exit 3"]);
    await expect(program.waitFor(/ready/)).rejects.toThrow("broken pipe dream");
    expect(await program.exited).toEqual({ code: 3, signal: null });
  });

  test("stops a program whose own child keeps its output open", async () => {
    const program = new Program("sh", ["-c", "echo up; sleep 2 & wait"]);
    await program.waitFor(/up/);
    expect(await program.stop()).toEqual({ code: null, signal: "SIGTERM" });
    expect(await program.stop()).toEqual({ code: null, signal: "SIGTERM" });
  });
});

describePeers(["php-fpm8.2", "nginx", "cgi-fcgi"], "real peers", () => {
  let scratch: Scratch;
  beforeEach(() => {
    scratch = makeScratch("peers");
    writeFileSync(join(scratch.path, "hello.php"), "<?php echo 'hello ', PHP_SAPI, ' ', $_GET['who'] ?? '';");
  });
  afterEach(() => scratch.remove());

  test.each(["tcp", "unix"] as const)("nginx asks php-fpm over %s", async (listen) => {
    const fpm = await startPhpFpm({ listen });
    const nginx = await startNginx({ root: scratch.path, fastcgi: fpm.address });
    const response = await fetch(`${nginx.baseUrl}/hello.php?who=nginx`);
    expect(await response.text()).toBe("hello fpm-fcgi nginx");
    await nginx.stop();
    await fpm.stop();
  });

  test("cgi-fcgi asks php-fpm", async () => {
    const fpm = await startPhpFpm({ listen: "unix" });
    const params = scriptParams(scratch.path, "/hello.php", { QUERY_STRING: "who=me" });
    const result = await cgiFcgi(fpm.address, { params });
    expect(result.stdout.toString()).toMatch(/\r\n\r\nhello fpm-fcgi me$/);
    expect(result.exitCode).toBe(0);
    await fpm.stop();
  });
});

describe(".ci/run", () => {
  test("installs the packages of every peer", () => {
    const script = readFileSync(new URL("../../.ci/run", import.meta.url), "utf8");
    const listed = /^packages=\(([^)]*)\)$/m.exec(script)?.[1]?.split(" ") ?? [];
    expect(listed.sort()).toEqual(
      [...new Set(Object.values(PEERS).flatMap((peer): readonly string[] => peer.packages))].sort(),
    );
  });
});

// What the command says when it is asked for help, or for something that it cannot do.

import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commands } from "../../src/cli/commands.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { run } from "./run.ts";
import { writeScripts } from "./scripts.ts";

describe.concurrent("help", () => {
  test("without a command the overview goes to stderr and the status is 2", async () => {
    const { status, stdout, stderr } = await run([]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("Usage: edge-fpm <command> [options]");
  });

  test.each([["--help"], ["-h"], ["help"]])("%s lists every command", async (option) => {
    const { status, stdout, stderr } = await run([option]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^ {2}serve +Serve.*\n {2}fpm +Be.*\n {2}php +Run.*\n {2}fs +Look.*\n {2}request +Send/m);
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^ {2}${command.name} +\\S`, "m"));
  });

  test.each([
    ["serve", "--port", "--upstream", "--children", "--verbose"],
    ["fpm", "--listen", "--listen-mode", "--root", "--terminate-timeout"],
    ["request", "--data", "--param", "--include", "--timeout"],
  ])("%s --help explains its options and shows examples", async (command, ...options) => {
    const { status, stdout, stderr } = await run([command, "--help"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain(`Usage: edge-fpm ${command} `);
    for (const option of [...options, "--help"]) expect(stdout).toContain(option);
    expect(stdout).toMatch(new RegExp(`Examples:\n {2}edge-fpm ${command}`));
    // A terminal of the usual width or one a third wider; nothing wraps far.
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(120);
    expect((await run(["help", command])).stdout).toBe(stdout);
  });

  test("--version is the version of the package", async () => {
    const { status, stdout } = await run(["--version"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^edge-fpm \d+\.\d+\.\d+\n$/);
  });
});

describe.concurrent("a wrong command line", () => {
  // Arguments; what is said first; what is said to do.
  test.each<[string, RegExp, RegExp]>([
    ["serv", /There is no command "serv"\./, /Did you mean "serve"\?/],
    ["tomato", /There is no command "tomato"\./, /^See: edge-fpm --help$/],
    ["--frob", /There is no option --frob before a command\./, /See: edge-fpm --help/],
    ["serve --prot 1", /"serve" has no option --prot\./, /Did you mean --port\? See: edge-fpm serve --help/],
    ["fpm --lissen /x", /"fpm" has no option --lissen\./, /Did you mean --listen\?/],
    ["serve --frobnicate", /"serve" has no option --frobnicate\./, /^See: edge-fpm serve --help$/],
    ["serve -z", /"serve" has no option -z\./, /^See: edge-fpm serve --help$/],
    ["serve -p", /--port <value>' argument missing\./, /See: edge-fpm serve --help/],
    ["serve one two", /Serves one folder, not 2\./, /See: edge-fpm serve --help/],
    ["serve /no/such/folder", /There is no folder \/no\/such\/folder\./, /^$/],
    ["serve {file}", /hello\.php is a file, not a folder\./, /^$/],
    ["serve . --port 65536", /--port 65536 is not a whole number from 0 to 65535\./, /^$/],
    ["serve . --front index.php", /--front index\.php must start with a slash/, /^$/],
    ["serve . --children 0", /--children 0 is not a whole number from 1 to 256\./, /^$/],
    ["serve . --children two", /--children two is not a whole number/, /^$/],
    ["serve . --pm forking", /--pm forking is not one of static, dynamic, ondemand\./, /^$/],
    ["serve . --php 7.4", /no PHP 7\.4 here; versions to choose from: 8\.2, 8\.3, 8\.4, 8\.5/, /^$/],
    ["serve . --define =5", /--define =5 has no name: write NAME=VALUE\./, /^$/],
    ["serve . --env =x", /--env =x has no name/, /^$/],
    ["serve . --php-ini /no/php.ini", /Cannot read --php-ini \/no\/php\.ini: ENOENT/, /^$/],
    ["serve . --mount /no/such/folder", /There is no folder \/no\/such\/folder\./, /^$/],
    ["serve . --data {file}", /--data .* cannot be a folder/, /^$/],
    ["serve . --upstream here", /"here" is no address: the port is missing\. Use tcp:/, /^$/],
    ["serve . --upstream /x.sock --children 2 --php 8.2", /--php, --children and --upstream exclude each other/, /^$/],
    ["serve . --keep-connections 2", /--keep-connections is for --upstream only\./, /^$/],
    ["fpm here", /What is "here"\?/, /See: edge-fpm fpm --help/],
    ["fpm --listen nowhere", /"nowhere" is no address/, /^$/],
    ["fpm --listen 127.0.0.1:99999", /the port is "99999", allowed are 0 to 65535/, /^$/],
    ["fpm --listen-mode 9", /--listen-mode 9 is not an octal mode such as 0660\./, /^$/],
    ["fpm --root /no/such/folder", /There is no folder/, /^$/],
    ["request", /Needs an address and a script\./, /See: edge-fpm request --help/],
    ["request nowhere /x.php", /"nowhere" is no address/, /^$/],
    ["request :1 /x.php -H nothing", /--header nothing has no name: write "Name: value"\./, /^$/],
    ["request :1 /x.php --timeout 0", /--timeout 0 is not a whole number from 1/, /^$/],
  ])("edge-fpm %s", async (line, message, hint) => {
    const args = line.replace("{file}", join(scratch.path, "hello.php")).split(" ");
    const { status, stdout, stderr } = await run(args);
    const [first = "", ...rest] = stderr.trimEnd().split("\n");
    expect(first).toMatch(message);
    expect(first).toMatch(/^edge-fpm: /);
    expect(rest.join("\n")).toMatch(hint);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });
});

let scratch: Scratch;
let holder: Server;
beforeAll(async () => {
  scratch = makeScratch("cli");
  writeScripts(scratch.path);
  holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
  holder?.close();
  scratch?.remove();
});

describe.concurrent("what this machine does not have", () => {
  test.each(["8.3", "8.5"])("PHP %s is missing: the error names the npm command", async (php) => {
    const { status, stderr } = await run(["serve", scratch.path, "--port", "0", "--php", php]);
    const release = "\\d+\\.\\d+\\.\\d+";
    expect(stderr).toMatch(
      new RegExp(
        `edge-fpm: PHP ${php} is not installed \\(installed: .*\\).*npm install @php-wasm/node-${php.replace(".", "-")}@${release}\n$`,
      ),
    );
    expect(status).toBe(1);
  });

  test("a port that is taken", async () => {
    const address = holder.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    for (const args of [
      ["serve", scratch.path, "--port", String(port)],
      ["fpm", "--listen", `127.0.0.1:${port}`],
    ]) {
      const { status, stderr } = await run(args);
      expect(stderr).toMatch(
        new RegExp(`edge-fpm: \\w+://127\\.0\\.0\\.1:${port} is taken by another program\\.\n.*port 0`),
      );
      expect(status).toBe(1);
    }
  });

  test("an address of another machine", async () => {
    const { status, stderr } = await run(["serve", scratch.path, "--host", "192.0.2.1", "--port", "0"]);
    expect(stderr).toContain("http://192.0.2.1:0 is not an address of this machine.");
    expect(status).toBe(1);
  });

  test("a socket in a folder that does not exist", async () => {
    const { status, stderr } = await run(["fpm", "--listen", "/no/such/folder/x.sock", "--root", scratch.path]);
    expect(stderr).toContain("The folder of unix:/no/such/folder/x.sock does not exist.");
    expect(status).toBe(1);
  });

  test("a socket of the name of a file, which is left alone", async () => {
    const file = join(scratch.path, "hello.php");
    const { status, stderr } = await run(["fpm", "--listen", file, "--root", scratch.path]);
    expect(stderr).toContain("names a file that is no socket.");
    expect(status).toBe(1);
  });
});

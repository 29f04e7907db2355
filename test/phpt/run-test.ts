// One test of php-src against one application: its script is written, asked for over FastCGI, and its answer compared.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { byteStringToBytes, bytesToByteString, concat, type Pair } from "../../src/codec/index.ts";
import type { Exchange } from "../../src/transport/exchange.ts";
import { compare, hasExpectation } from "./expectation.ts";
import { parsePhpt, type Sections, settingsOf } from "./phpt-file.ts";

/** How a test ended. A crash is an application that broke off instead of answering. */
export type Outcome =
  | { readonly type: "pass" }
  | { readonly type: "fail"; readonly wanted: string; readonly got: string; readonly stderr: string }
  | { readonly type: "crash"; readonly message: string }
  | { readonly type: "timeout" }
  /** The test says itself that it does not apply here. */
  | { readonly type: "skip"; readonly reason: string }
  /** The test needs a terminal, arguments or the like, which no FastCGI request has. */
  | { readonly type: "not-for-fastcgi"; readonly reason: string };

/** An application under test, with a folder of its own to write scripts to. */
export interface Application {
  readonly exchange: Exchange;
  /** A copy of the tests' folders: scripts include files beside them. */
  readonly folder: string;
  /** Longest time for one test, in milliseconds. */
  readonly timeout: number;
}

/** Sections of tests that speak to a command line. */
const COMMAND_LINE = ["ARGS", "STDIN", "PHPDBG", "REDIRECTTEST", "GZIP_POST", "DEFLATE_POST", "PUT"];

/** Runs the test at `path`, relative to the application's folder. */
export async function runTest(application: Application, path: string): Promise<Outcome> {
  const sections = parsePhpt(readFileSync(join(application.folder, path), "latin1"));
  const code = scriptOf(application, path, sections);
  if (code === undefined || !hasExpectation(sections)) {
    return { type: "not-for-fastcgi", reason: "no script or no expectation" };
  }
  const foreign = COMMAND_LINE.find((name) => sections.has(name));
  if (foreign !== undefined) return { type: "not-for-fastcgi", reason: `section ${foreign}` };

  const base = join(application.folder, path.replace(/\.phpt$/, ""));
  const test = new Test(application, base, sections);
  const reason = await test.skipReason();
  if (reason !== undefined) return { type: "skip", reason };
  try {
    return await test.run(code);
  } finally {
    await test.clean();
  }
}

function scriptOf(application: Application, path: string, sections: Sections): string | undefined {
  const external = sections.get("FILE_EXTERNAL");
  if (external !== undefined) {
    return readFileSync(join(application.folder, dirname(path), external.trim()), "latin1");
  }
  // In a FILEEOF section the last line end is none of the script.
  return sections.get("FILE") ?? sections.get("FILEEOF")?.replace(/\r?\n$/, "");
}

interface Answer {
  readonly head: string;
  readonly body: string;
  readonly stderr: string;
}

class Test {
  readonly #application: Application;
  readonly #base: string;
  readonly #sections: Sections;

  constructor(application: Application, base: string, sections: Sections) {
    this.#application = application;
    this.#base = base;
    this.#sections = sections;
  }

  async skipReason(): Promise<string | undefined> {
    const code = this.#sections.get("SKIPIF");
    if (code === undefined) return undefined;
    try {
      const { body } = await this.#script("skip", code, this.#params());
      return /^\s*skip\s*(.*)/i.exec(body)?.[1];
    } catch (error) {
      return `its own check broke: ${String(error)}`;
    }
  }

  async run(code: string): Promise<Outcome> {
    const { body, params } = this.#request();
    try {
      const answer = await this.#script("", code, params, body);
      const { matches, wanted } = compare(this.#sections, answer.body);
      const headers = this.#missingHeaders(answer.head);
      if (matches && headers === "") return { type: "pass" };
      return {
        type: "fail",
        wanted: headers === "" ? wanted : `headers:\n${headers}`,
        got: headers === "" ? answer.body : answer.head,
        stderr: answer.stderr,
      };
    } catch (error) {
      if (error instanceof DOMException && error.name === "TimeoutError") return { type: "timeout" };
      return { type: "crash", message: error instanceof Error ? error.message : String(error) };
    }
  }

  async clean(): Promise<void> {
    const code = this.#sections.get("CLEAN");
    if (code !== undefined) await this.#script("clean", code, this.#params()).catch(() => {});
    rmSync(`${this.#base}.php`, { force: true });
  }

  /** Lines of EXPECTHEADERS that the answer lacks. */
  #missingHeaders(head: string): string {
    const lines = head.split("\r\n").map((line) => line.replace(/:\s*/, ": ").toLowerCase());
    return settingsOfHeaders(this.#sections.get("EXPECTHEADERS") ?? "")
      .filter((line) => !lines.includes(line.toLowerCase()))
      .join("\n");
  }

  /** Params and body of the script itself. */
  #request(): { readonly params: Pair[]; readonly body: Uint8Array } {
    const params = this.#params();
    const set = (name: string, value: string) => params.push([name, value]);
    const get = this.#sections.get("GET")?.trim();
    if (get !== undefined) set("QUERY_STRING", get);
    const cookie = this.#sections.get("COOKIE")?.trim();
    if (cookie !== undefined) set("HTTP_COOKIE", cookie);
    let body = "";
    const raw = this.#sections.get("POST_RAW");
    const post = this.#sections.get("POST");
    if (raw !== undefined) {
      const lines: string[] = [];
      for (const line of raw.trim().split("\n")) {
        const type = /^Content-Type:(.*)/i.exec(line)?.[1];
        if (type !== undefined && !params.some(([name]) => name === "CONTENT_TYPE")) set("CONTENT_TYPE", type.trim());
        else lines.push(line);
      }
      body = lines.join("\n");
    } else if (post !== undefined) {
      body = post.trim();
      set("CONTENT_TYPE", "application/x-www-form-urlencoded");
    }
    if (raw !== undefined || post !== undefined) {
      set("REQUEST_METHOD", "POST");
      set("CONTENT_LENGTH", String(body.length));
    }
    return { params, body: byteStringToBytes(body) };
  }

  /** What every request of the test has: a method, its settings, its environment. */
  #params(): Pair[] {
    const params: Pair[] = [
      ["REQUEST_METHOD", "GET"],
      ["QUERY_STRING", ""],
      ["SERVER_PROTOCOL", "HTTP/1.1"],
      ["REDIRECT_STATUS", "1"],
    ];
    const folder = dirname(this.#base);
    const settings = settingsOf(this.#sections.get("INI") ?? "")
      .map(([name, value]) => `${name} = ${value.replaceAll("{PWD}", folder).replaceAll("{TMP}", "/tmp")}`)
      .join("\n");
    if (settings !== "") params.push(["PHP_VALUE", settings]);
    params.push(...settingsOf(this.#sections.get("ENV") ?? ""));
    return params;
  }

  async #script(
    suffix: string,
    code: string,
    params: readonly Pair[],
    stdin: Uint8Array = new Uint8Array(0),
  ): Promise<Answer> {
    const path = `${this.#base}${suffix === "" ? "" : `.${suffix}`}.php`;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, code, "latin1");
    try {
      return await this.#send(path, params, stdin);
    } finally {
      if (suffix !== "") rmSync(path, { force: true });
    }
  }

  async #send(path: string, params: readonly Pair[], stdin: Uint8Array): Promise<Answer> {
    const out: Uint8Array[] = [];
    const err: Uint8Array[] = [];
    const { exchange, timeout } = this.#application;
    const end = await exchange(
      {
        role: "responder",
        params: [["SCRIPT_FILENAME", path], ["SCRIPT_NAME", path.slice(path.lastIndexOf("/"))], ...params],
        stdin,
      },
      {
        stdout: (chunk) => void out.push(chunk.slice()),
        stderr: (chunk) => void err.push(chunk.slice()),
      },
      AbortSignal.timeout(timeout),
    );
    if (end.protocolStatus !== "request-complete") throw new Error(`ended with ${end.protocolStatus}`);
    const text = bytesToByteString(concat(out));
    const blank = text.indexOf("\r\n\r\n");
    if (/^Status: 50[24]/.test(text)) throw new Error(text.slice(0, 200));
    return {
      head: blank < 0 ? "" : text.slice(0, blank),
      body: blank < 0 ? text : text.slice(blank + 4),
      stderr: bytesToByteString(concat(err)),
    };
  }
}

function settingsOfHeaders(text: string): string[] {
  return text
    .split(/[\r\n]+/)
    .filter((line) => line.includes(":"))
    .map((line) => line.trim().replace(/:\s*/, ": "));
}

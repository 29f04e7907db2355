// The first child of a pool, before anybody else: it runs what the configuration wants warm, and what it then is becomes
// the snapshot that the others start from.

import type { Pair } from "../../codec/index.ts";
import { PhpError } from "../../php/errors.ts";
import { Responder, type ResponderRequest } from "../../php/responder.ts";
import type { Snapshot } from "../../php/snapshot/portable.ts";
import { compiledGlue } from "./glue-code.ts";
import type { NodeInterpreter } from "./interpreter.ts";
import { listSources } from "./source-files.ts";
import type { MadeSnapshot, ThreadSettings, WarmUpPlan } from "./thread-messages.ts";

/** Lines for the log, at most, and characters of each. */
const MOST_PROBLEMS = 20;
const LONGEST_PROBLEM = 500;

/**
 * Warms an interpreter and takes its snapshot. Never fails: without a snapshot children start as they always did.
 *
 * @param root the real directory that is "/" to PHP, when it is another one
 */
export async function warmUp(
  { interpreter, host }: NodeInterpreter,
  plan: WarmUpPlan,
  responder: ThreadSettings["responder"],
  root: string | undefined,
): Promise<MadeSnapshot> {
  const started = performance.now();
  const problems: string[] = [];
  let snapshot: Snapshot | undefined;
  try {
    const application = new Responder(host, responder);
    for (const params of plan.requests) problems.push(...(await run(application, params)));
    const sources = await listSources(host, plan.requests.flatMap(scriptOf), root);
    snapshot = { ...interpreter.take(plan.key, (bytes) => new Uint8Array(new SharedArrayBuffer(bytes))), sources };
  } catch (error) {
    problems.push(error instanceof PhpError ? error.message : String(error));
  }
  const glue = compiledGlue();
  return {
    ...(snapshot && { snapshot }),
    ...(glue && { glue }),
    problems: problems.slice(0, MOST_PROBLEMS),
    milliseconds: performance.now() - started,
  };
}

function scriptOf(params: readonly Pair[]): string[] {
  const script = params.findLast(([name]) => name === "SCRIPT_FILENAME")?.[1];
  return script === undefined ? [] : [script];
}

/** Runs one request and drops its answer. Gives what the log should know. */
async function run(application: Responder, params: readonly Pair[]): Promise<string[]> {
  const decoder = new TextDecoder("latin1");
  const what = params.findLast(([name]) => name === "REQUEST_URI")?.[1] ?? "a request";
  let head = "";
  let errors = "";
  const request: ResponderRequest = {
    role: "responder",
    params,
    stdin: (async function* () {})(),
    signal: new AbortController().signal,
    stdout: (chunk) => {
      if (head === "") head = decoder.decode(chunk.subarray(0, 100));
    },
    stderr: (chunk) => {
      errors += decoder.decode(chunk);
    },
  };
  await application.respond(request);
  await application.idle();
  const status = /^Status: ([45]\d\d)/.exec(head)?.[1];
  const lines = errors === "" ? [] : [`warm-up of ${what}: ${errors.slice(0, LONGEST_PROBLEM)}`];
  return status === undefined ? lines : [`warm-up of ${what} answered ${status}`, ...lines];
}

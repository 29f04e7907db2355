// Why tests that pass on php-fpm do not pass on ours, as far as a rule can tell it. The first rule that fits counts.

import type { Outcome } from "./run-test.ts";

interface Cause {
  readonly name: string;
  /** On the test's path. */
  readonly path: RegExp;
}

/** Explained in docs/compatibility.md. */
const CAUSES: readonly Cause[] = [
  {
    name: "disable_functions and disable_classes for one request",
    path: /tests\/basic\/bug31875|bug69315|bug79382|errmsg_02[01]|bug79668/,
  },
  {
    name: "functions of php-fpm are the host's, written in PHP",
    path: /ob_start_basic_002|get_defined_functions_basic/,
  },
  { name: "counts of the garbage collector", path: /bug70805|gc_0\d\d|gh13670|gh10496/ },
  {
    name: "integers of 64 bits, addresses of 32",
    path: /string_offset_int_min_max|substr_int_min|str_pad_variation1|wordwrap_memory_limit/,
  },
  {
    name: "no processes: exec(), proc_open(), nice(), ps",
    path: /bug44667|bug49847|bug50732|bug39322|bug80811|proc_|gh12655/,
  },
  { name: "no table of services", path: /getservby/ },
  { name: "getopt() from a query", path: /bug43293/ },
  {
    name: "ini_restore() and refused settings: php.ini's value, not the request's",
    path: /include_path|bug39602|bug39775/,
  },
  { name: "a script that only computes cannot be interrupted", path: /timeout_variation|tests\/lang\/045/ },
  { name: "sleep() gives 1", path: /sleep_basic/ },
];

/** The name of the cause of a failure. */
export function causeOf(path: string, outcome: Outcome): string {
  const named = CAUSES.find((cause) => cause.path.test(path));
  if (named !== undefined) return named.name;
  if (outcome.type === "crash") return "the child broke";
  if (outcome.type === "timeout") return "no answer in time";
  if (outcome.type === "skip") return `skipped: ${outcome.reason}`;
  return "not sorted";
}

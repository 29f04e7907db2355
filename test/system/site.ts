// Scripts of the system tests, and a started `edge-fpm fpm` that serves them.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type EdgeFpm, type EdgeFpmOptions, startFpm } from "../peers/edge-fpm.ts";
import { makeScratch } from "../peers/scratch.ts";

const SCRIPTS = {
  hello: "<?php echo 'hello ', $_GET['who'] ?? 'nobody';",
  sleep: "<?php usleep((int) ($_GET['ms'] * 1000)); echo 'slept ', $_GET['ms'];",
  digest: "<?php echo $_GET['id'], ' ', hash('sha256', file_get_contents('php://input'));",
  // Leaves files open, holds memory in a cycle, registers a shutdown function: what a child must get rid of.
  litter: `<?php
    $file = fopen(__FILE__, 'r'); $other = fopen('php://temp', 'w+'); $dir = opendir(__DIR__); tmpfile();
    $cycle = new stdClass; $cycle->self = $cycle; $cycle->data = str_repeat('x', 100000);
    register_shutdown_function(function () use ($cycle) { echo ' end'; });
    define('ONCE', $_GET['n']); $GLOBALS['count'] = ($GLOBALS['count'] ?? 0) + 1;
    echo 'n=', ONCE, ' count=', $GLOBALS['count'];`,
  status: "<?php echo json_encode(fpm_get_status());",
  forever: "<?php echo 'begun'; flush(); while (true) { }",
  silent: "<?php while (true) { }",
  // Deeper than the stack of WebAssembly: the interpreter traps.
  deep: "<?php $a = []; for ($i = 0; $i < 200000; $i++) { $a = [$a]; } echo strlen(serialize($a));",
  pid: "<?php echo getmypid();",
} as const;

export interface System {
  readonly fpm: EdgeFpm;
  /** Path of a script. */
  path(name: keyof typeof SCRIPTS): string;
  stop(): Promise<void>;
}

export async function startSystem(options: EdgeFpmOptions & { readonly unix?: boolean } = {}): Promise<System> {
  const scratch = makeScratch("system");
  for (const [name, text] of Object.entries(SCRIPTS)) writeFileSync(join(scratch.path, `${name}.php`), text);
  const listen = options.unix === true ? { kind: "unix" as const, path: join(scratch.path, "s.sock") } : undefined;
  const fpm = await startFpm(scratch.path, listen ?? { kind: "tcp", port: 0 }, options);
  return {
    fpm,
    path: (name) => join(scratch.path, `${name}.php`),
    stop: async () => {
      await fpm.stop();
      scratch.remove();
    },
  };
}

// An application of 120 files, of which each request needs all: what opcache and snapshots are for.

import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Files beside its front page. */
export const FILES = 120;

/** Classes with a little of everything, each in its own file, all of them used by the front page. Gives its path. */
export function writeApplication(folder: string): string {
  mkdirSync(folder, { recursive: true });
  for (let i = 0; i < FILES; i++) {
    const methods = Array.from(
      { length: 12 },
      (_, m) => `    public function method${m}(array $items, string $sep = ', '): string {
        $out = [];
        foreach ($items as $key => $value) {
            if (is_int($value) && $value % ${m + 2} === 0) { $out[] = sprintf('%s=%d', $key, $value * ${m}); }
            elseif (is_string($value)) { $out[] = strtoupper(trim($value)); }
        }
        return implode($sep, $out);
    }`,
    );
    writeScript(join(folder, `Part${i}.php`), `<?php\nfinal class Part${i} {\n${methods.join("\n")}\n}\n`);
  }
  const uses = Array.from({ length: FILES }, (_, i) => `require __DIR__ . '/Part${i}.php';`).join("\n");
  const calls = `foreach (range(0, ${FILES - 1}) as $i) { $class = "Part$i"; $length += strlen((new $class)->method3(['a' => $i, 'b' => 'x'])); }`;
  const script = join(folder, "index.php");
  writeScript(script, `<?php\n${uses}\n$length = 0;\n${calls}\necho "sum $length";\n`);
  return script;
}

/** Writes a script as of a minute ago: opcache keeps none that was just written. */
export function writeScript(path: string, code: string): void {
  const past = Date.now() / 1000 - 60;
  writeFileSync(path, code);
  utimesSync(path, past, past);
}

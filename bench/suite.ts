// A process that runs one suite for main.ts: what one suite left behind (compiled code, garbage) slows no other.

import { suites } from "./suites.ts";
import type { Table } from "./table.ts";

const [name = "", speed] = process.argv.slice(2);
const tables: readonly Table[] = (await suites[name]?.(speed === "quick")) ?? [];
process.send?.(tables, () => process.disconnect?.());

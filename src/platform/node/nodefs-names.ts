// Names and targets of links on this machine that are no UTF-8. Node gives them as text with U+FFFD in it, which would be the
// name of another file.

import { readdirSync, readlinkSync } from "node:fs";
import { EILSEQ, textOf } from "../../php/files/encoding.ts";
import type { PhpModule } from "../../php/glue.ts";

/** The part of NODEFS that reads them. */
interface Nodefs {
  realPath(node: unknown): string;
  tryFSOperation<T>(operation: () => T): T;
  readonly node_ops: {
    readdir(directory: unknown): string[];
    readlink(link: unknown): string;
  };
}

const UNKNOWN = "\ufffd";

/** Such names are left out of listings, as no call could take them; such links lead nowhere: EILSEQ. */
export function refuseOtherNames(module: PhpModule): void {
  const nodefs = module.FS.filesystems.NODEFS as Nodefs;
  nodefs.node_ops.readdir = (directory) => {
    const path = nodefs.realPath(directory);
    const names = nodefs.tryFSOperation(() => readdirSync(path));
    if (!names.some((name) => name.includes(UNKNOWN))) return names;
    const exact = nodefs.tryFSOperation(() => readdirSync(path, "buffer"));
    return exact.map(textOf).filter((name) => name !== undefined);
  };
  nodefs.node_ops.readlink = (link) => {
    const path = nodefs.realPath(link);
    const target = nodefs.tryFSOperation(() => readlinkSync(path));
    if (!target.includes(UNKNOWN)) return target;
    const exact = textOf(nodefs.tryFSOperation(() => readlinkSync(path, "buffer")));
    if (exact === undefined) throw new module.FS.ErrnoError(EILSEQ);
    return exact;
  };
}

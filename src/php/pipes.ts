// Pipes as select() and poll() expect them. The glue's own never says that the other end of an empty pipe is closed, so
// a script that waits for more of a program's output waits for as long as it may.

import type { PhpModule } from "./glue.ts";

interface PipeStream {
  readonly node: { readonly pipe?: { readonly refcnt: number } };
  readonly stream_ops: { poll(stream: PipeStream, ...rest: unknown[]): number };
}

// poll.h.
const POLLIN = 1;
const POLLHUP = 16;

type MakePipe = (descriptors: number) => number;

/** Lets a pipe whose writer is gone be readable, as it is everywhere. Replaces an import of the module about to be instantiated. */
export function repairPipes(imports: WebAssembly.Imports, module: () => PhpModule): void {
  const env = imports.env as Record<string, unknown> | undefined;
  const original = env?.__syscall_pipe as MakePipe | undefined;
  if (env === undefined || original === undefined) return;
  let repaired = false;
  const makePipe: MakePipe = (descriptors) => {
    const result = original(descriptors);
    if (result !== 0 || repaired) return result;
    const { FS, HEAPU8 } = module();
    const fd = new DataView(HEAPU8.buffer, HEAPU8.byteOffset).getInt32(descriptors, true);
    // All pipes share their operations.
    const operations = (FS.streams[fd] as unknown as PipeStream).stream_ops;
    const { poll } = operations;
    operations.poll = (stream, ...rest) => {
      const mask = poll.call(operations, stream, ...rest);
      const ends = stream.node.pipe?.refcnt ?? 2;
      return mask === 0 && ends < 2 ? POLLIN | POLLHUP : mask;
    };
    repaired = true;
    return result;
  };
  // The glue reads the signature off it.
  env.__syscall_pipe = Object.assign(makePipe, original);
}

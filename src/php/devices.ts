// Devices that scripts expect and the glue does not have.

import type { PhpModule } from "./glue.ts";

/** Linux's numbers of it, as of all devices of the glue. */
const ZERO = [1, 5] as const;

/** Makes `/dev/zero`. To be called while `/dev` takes something new. */
export function addDevices({ FS }: PhpModule): void {
  const device = FS.makedev(...ZERO);
  FS.registerDevice(device, {
    read(_stream: unknown, memory: Int8Array, offset: number, length: number): number {
      memory.fill(0, offset, offset + length);
      return length;
    },
    write: (_stream: unknown, _memory: Int8Array, _offset: number, length: number): number => length,
    llseek: (): number => 0,
  });
  FS.mkdev("/dev/zero", device);
}

// What pcap and pcapng readers give: frames as a network interface saw them.

import { type CaptureLimits, DEFAULT_CAPTURE_LIMITS } from "./capture.ts";
import { CaptureError } from "./errors.ts";

export interface Packet {
  /** Milliseconds since 1970 with fractions; `undefined` when the file has none for it. */
  readonly time: number | undefined;
  /** A LINKTYPE_ number of the pcap format. */
  readonly linkType: number;
  /** The part of the frame that was captured: a view of the file. */
  readonly bytes: Uint8Array;
}

/** The packets of a file. */
export interface PacketFile {
  readonly packets: readonly Packet[];
  readonly warnings: readonly string[];
}

/** Collects packets and warnings within the limits. */
export class PacketList implements PacketFile {
  readonly packets: Packet[] = [];
  readonly warnings: string[] = [];
  readonly #limits: CaptureLimits;

  constructor(limits: CaptureLimits = DEFAULT_CAPTURE_LIMITS) {
    this.#limits = limits;
  }

  /** @throws {CaptureError} `CAPTURE_LIMIT` */
  add(packet: Packet): void {
    if (this.packets.length === this.#limits.maxPackets) {
      throw new CaptureError("CAPTURE_LIMIT", `more than ${this.#limits.maxPackets} packets; cut the file (editcap)`);
    }
    this.packets.push(packet);
  }
}

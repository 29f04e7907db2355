// What a record did, found again from the records before it: the states of both sides, and the pair it continues.

import { type FollowedItem, Follower } from "../../../../src/capture/follow.ts";
import type { CapturedRecord } from "../../../../src/capture/records.ts";
import { RecordType } from "../../../../src/codec/index.ts";
import type { WireEvent, WireRecord } from "../../../engine/index.ts";

/** Records looked back at for the beginning of a request. */
const MOST = 20_000;

/**
 * Follows the records of the same id on the same connection, from its BEGIN_REQUEST on. `undefined` for bytes that are
 * no record.
 */
export function followRecord(events: readonly WireEvent[], record: WireRecord): FollowedItem | undefined {
  if (record.malformed) return undefined;
  const before: WireRecord[] = [];
  // One BEGIN_REQUEST more than needed: the last one may have been a mistake.
  let begins = 0;
  for (let i = events.length - 1; i >= 0 && begins < 2 && before.length < MOST; i--) {
    const event = events[i] as WireEvent;
    if (event.seq >= record.seq || event.kind !== "record" || event.malformed) continue;
    if (event.connection !== record.connection || event.requestId !== record.requestId) continue;
    before.push(event);
    if (event.type === RecordType.BEGIN_REQUEST) begins += 1;
  }
  const follower = new Follower({ maxKept: 0 });
  for (const earlier of before.reverse()) follower.push(captured(earlier));
  return follower.push(captured(record));
}

function captured({
  direction,
  time,
  bytes,
  type,
  requestId,
  contentLength,
  paddingLength,
}: WireRecord): CapturedRecord {
  return {
    type: "record",
    direction,
    started: time,
    time,
    offset: 0,
    bytes,
    recordType: type,
    requestId,
    contentLength,
    paddingLength,
  };
}

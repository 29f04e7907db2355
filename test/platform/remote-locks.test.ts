// Locks in the table of another process, when that process is not there any more.

import { expect, test } from "vitest";
import { FLOCK, type LockRequest } from "../../src/platform/node/file-locks.ts";
import { RemoteLocks } from "../../src/platform/node/remote-locks.ts";
import { makeScratch } from "../peers/scratch.ts";

test("a master that ended before anybody connected keeps nobody out, and nobody waiting", () => {
  const scratch = makeScratch("remote-locks");
  const locks = new RemoteLocks({ path: `${scratch.path}/nobody.sock`, pid: 1, roots: [] });
  const request: LockRequest = {
    family: FLOCK,
    type: 2,
    fd: 3,
    device: 1,
    inode: 1,
    start: 0,
    end: Number.POSITIVE_INFINITY,
  };
  expect(locks.set(request, true)).toBe("granted");
  expect(locks.held).toBe(1);
  locks.closed(3, 1, 1);
  expect(locks.held).toBe(0);
  scratch.remove();
});

import { describe, expect, test } from "vitest";
import { ListenQueue } from "../../src/fpm/listen-queue.ts";

const queueOf = (items: string, limit = 10) => {
  const queue = new ListenQueue<string>({ limit, timeout: 100 });
  const places = [...items].map((item, index) => queue.push(item, index));
  return { queue, places };
};

describe("ListenQueue", () => {
  test("serves in order of arrival", () => {
    const { queue } = queueOf("abc");
    expect([queue.shift(10), queue.shift(10), queue.shift(10), queue.shift(10)]).toEqual(["a", "b", "c", undefined]);
  });

  test("takes no more than its limit, and counts whom it refused", () => {
    const { queue, places } = queueOf("abc", 2);
    expect(places[2]).toBeUndefined();
    expect([queue.length, queue.maxLength, queue.waited.refused]).toEqual([2, 2, 1]);
    queue.shift(10);
    expect(queue.push("d", 10)).toBeDefined();
  });

  test("lets one leave from the middle, once", () => {
    const { queue, places } = queueOf("abc");
    const [, b] = places;
    if (b === undefined) throw new Error("b has a place");
    expect([queue.cancel(b), queue.cancel(b)]).toEqual([true, false]);
    expect(queue.clear()).toEqual(["a", "c"]);
    expect(queue.length).toBe(0);
  });

  test("lets those go whose deadline has come, and no other", () => {
    const { queue } = queueOf("abc");
    expect(queue.nextDeadline).toBe(100);
    expect(queue.expire(99)).toEqual([]);
    expect(queue.expire(101)).toEqual(["a", "b"]);
    expect(queue.nextDeadline).toBe(102);
    expect(queue.waited.expired).toBe(2);
    expect(queue.expire(1000)).toEqual(["c"]);
    expect(queue.nextDeadline).toBeUndefined();
  });

  test("tells how long those waited that were served", () => {
    const { queue } = queueOf("abc");
    queue.shift(10);
    queue.shift(31);
    queue.expire(1000);
    expect(queue.waited).toEqual({ served: 2, total: 10 + 30, longest: 30, refused: 0, expired: 1 });
  });

  test("remembers the longest it has been", () => {
    const { queue } = queueOf("abc");
    queue.clear();
    queue.push("d", 0);
    expect(queue.maxLength).toBe(3);
  });
});

import { describe, expect, test } from "vitest";
import { type Candidate, createChoice } from "../../../src/gateway/upstream/balance.ts";

type Mutable = { -readonly [key in keyof Candidate]: Candidate[key] };

const servers = (weights: Readonly<Record<string, number>>): Mutable[] =>
  Object.entries(weights).map(([name, weight]) => ({
    name,
    weight,
    active: 0,
    currentWeight: 0,
    effectiveWeight: weight,
  }));

const names = (count: number, choose: () => Candidate) => Array.from({ length: count }, () => choose().name).join("");

function counted(list: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of list) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** Numbers from 0 to below 1, always the same ones. */
function chance(): () => number {
  let state = 42;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("round robin", () => {
  const choose = createChoice("round-robin", chance());

  test("mixes by weight as nginx does", () => {
    const all = servers({ a: 5, b: 1, c: 1 });
    expect(names(14, () => choose(all, []))).toBe("aabacaaaabacaa");
  });

  test("takes equals in turn", () => {
    const all = servers({ a: 1, b: 1, c: 1 });
    expect(names(6, () => choose(all, []))).toBe("abcabc");
  });

  test("gives a server that failed its share back little by little", () => {
    const all = servers({ a: 4, b: 4 });
    (all[0] as Mutable).effectiveWeight = 0;
    const { a = 0, b = 0 } = counted(names(8, () => choose(all, [])));
    expect(a).toBeLessThan(b);
    expect(counted(names(8, () => choose(all, [])))).toEqual({ a: 4, b: 4 });
  });
});

describe("least connections", () => {
  const choose = createChoice("least-connections", chance());

  test("takes the fewest for the weight, and equals in turn", () => {
    const all = servers({ a: 1, b: 2, c: 1 });
    const [a, b, c] = all as [Mutable, Mutable, Mutable];
    a.active = 2;
    b.active = 3;
    c.active = 2;
    expect(choose(all, []).name).toBe("b");
    b.active = 4;
    expect(counted(names(4, () => choose(all, [])))).toEqual({ a: 1, b: 2, c: 1 });
  });
});

describe("random two", () => {
  test("draws by weight and takes the one with fewer requests", () => {
    const choose = createChoice("random", chance());
    const all = servers({ a: 1, b: 1, c: 1 });
    (all[0] as Mutable).active = 5;
    const counts = counted(names(3000, () => choose(all, [])));
    expect(counts.a).toBeUndefined();
    expect(counts.b).toBeGreaterThan(1200);
    expect(counts.c).toBeGreaterThan(1200);
    expect(names(3, () => choose(servers({ only: 1 }), []))).toBe("onlyonlyonly");
  });
});

describe("hash", () => {
  const choose = createChoice({ type: "hash", key: "REQUEST_URI" }, chance());
  const keys = Array.from({ length: 6000 }, (_, index) => `/page/${index}`);
  const place = (all: Mutable[]) => keys.map((key) => choose(all, [["REQUEST_URI", key]]).name);

  test("spreads keys by weight", () => {
    const counts = counted(place(servers({ a: 1, b: 1, c: 2 })).join(""));
    expect(counts.a).toBeGreaterThan(1350);
    expect(counts.a).toBeLessThan(1650);
    expect(counts.b).toBeGreaterThan(1350);
    expect(counts.b).toBeLessThan(1650);
    expect(counts.c).toBeGreaterThan(2800);
  });

  test("moves only the keys of a server that leaves, and to all others", () => {
    const all = servers({ a: 1, b: 1, c: 1 });
    const before = place(all);
    const after = place(all.slice(0, 2));
    const moved: Record<string, number> = {};
    for (const [index, name] of before.entries()) {
      const now = after[index] as string;
      if (name === "c") moved[now] = (moved[now] ?? 0) + 1;
      else expect(now).toBe(name);
    }
    expect(moved.a).toBeGreaterThan(800);
    expect(moved.b).toBeGreaterThan(800);
    expect(place([...all].reverse())).toEqual(before);
  });

  test("takes several params or a function as its key", () => {
    const all = servers({ a: 1, b: 1, c: 1, d: 1 });
    const both = createChoice({ type: "hash", key: ["HOST", "URI"] }, chance());
    const own = createChoice({ type: "hash", key: (params) => params.map(([, value]) => value).join("\0") }, chance());
    for (let n = 0; n < 50; n++) {
      const params = [["HOST", `h${n}`] as const, ["URI", `/${n * 7}`] as const];
      expect(both(all, params)).toBe(own(all, params));
    }
  });
});

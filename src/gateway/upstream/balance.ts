// Which of the servers that can be used gets the next request. Pure: chance is an argument.

import type { Pair } from "../../codec/index.ts";
import type { Balance, HashKey } from "./options.ts";

/** What a choice looks at, and changes: the two weights of `roundRobin`. */
export interface Candidate {
  readonly name: string;
  readonly weight: number;
  readonly active: number;
  currentWeight: number;
  effectiveWeight: number;
}

/** Chooses among at least one candidate. */
export type Choose = <C extends Candidate>(candidates: readonly C[], params: readonly Pair[]) => C;

/** @param random a number from 0 to below 1 at each call */
export function createChoice(balance: Balance, random: () => number): Choose {
  switch (balance) {
    case "round-robin":
      return roundRobin;
    case "least-connections":
      return leastConnections;
    case "random":
      return (candidates) => randomTwo(candidates, random);
    default: {
      const keyOf = keyFunction(balance.key);
      return (candidates, params) => byHash(candidates, keyOf(params));
    }
  }
}

/**
 * nginx's smooth weighted round robin: each turn every candidate grows by its weight, the largest is taken and pays the
 * sum. Weights 5, 1, 1 give a a b a c a a and not a a a a a b c.
 */
export function roundRobin<C extends Candidate>(candidates: readonly C[]): C {
  let best: C | undefined;
  let total = 0;
  for (const candidate of candidates) {
    candidate.currentWeight += candidate.effectiveWeight;
    total += candidate.effectiveWeight;
    if (candidate.effectiveWeight < candidate.weight) {
      candidate.effectiveWeight = Math.min(candidate.weight, candidate.effectiveWeight + 1);
    }
    if (best === undefined || candidate.currentWeight > best.currentWeight) best = candidate;
  }
  const chosen = best as C;
  chosen.currentWeight -= total;
  return chosen;
}

export function leastConnections<C extends Candidate>(candidates: readonly C[]): C {
  let least: C[] = [];
  for (const candidate of candidates) {
    const [first] = least;
    // active / weight, without the division.
    const difference = first === undefined ? -1 : candidate.active * first.weight - first.active * candidate.weight;
    if (difference < 0) least = [candidate];
    else if (difference === 0) least.push(candidate);
  }
  return least.length === 1 ? (least[0] as C) : roundRobin(least);
}

export function randomTwo<C extends Candidate>(candidates: readonly C[], random: () => number): C {
  const first = draw(candidates, random);
  if (candidates.length === 1) return first;
  const second = draw(
    candidates.filter((candidate) => candidate !== first),
    random,
  );
  return second.active * first.weight < first.active * second.weight ? second : first;
}

function draw<C extends Candidate>(candidates: readonly C[], random: () => number): C {
  let total = 0;
  for (const { weight } of candidates) total += weight;
  let left = random() * total;
  for (const candidate of candidates) {
    left -= candidate.weight;
    if (left < 0) return candidate;
  }
  return candidates[candidates.length - 1] as C;
}

/**
 * Weighted rendezvous hashing: every server draws a number for the key, always the same one, and the best draw wins. A
 * server that leaves gives its keys to all others by weight; no other key moves.
 */
export function byHash<C extends Candidate>(candidates: readonly C[], key: string): C {
  let best: C | undefined;
  let bestScore = Number.NEGATIVE_INFINITY;
  const keyHash = fnv1a(key, 0x811c9dc5);
  for (const candidate of candidates) {
    // From above 0 to below 1.
    const drawn = (mix(fnv1a(candidate.name, keyHash)) + 0.5) / 2 ** 32;
    const score = -candidate.weight / Math.log(drawn);
    if (score > bestScore) {
      best = candidate;
      bestScore = score;
    }
  }
  return best as C;
}

function keyFunction(key: HashKey): (params: readonly Pair[]) => string {
  if (typeof key === "function") return key;
  const names = typeof key === "string" ? [key] : key;
  // A NUL cannot be in a value that a web server took.
  return (params) => names.map((name) => params.find((pair) => pair[0] === name)?.[1] ?? "").join("\0");
}

/** FNV-1a, 32 bits, from `hash` on. */
function fnv1a(text: string, hash: number): number {
  let value = hash;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value >>> 0;
}

/** Spreads the bits of a hash over all 32 (the finalizer of MurmurHash3): FNV-1a leaves the upper ones poor. */
function mix(hash: number): number {
  let value = hash;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

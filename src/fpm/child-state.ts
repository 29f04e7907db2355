// The life of one child, seen from the pool.
//
//             ready          take
//   starting ------> idle <-----------> busy
//      |              |     release      |
//      |     stop     |                  |  stop (recycled, retired or killed)
//      +--------------+------------------+------> stopping
//      |              |                  |            |
//      +---- exit ----+------ exit ------+--- exit ---+------> dead
//
// `stopping` covers asked to end and killed alike: the child takes no more requests and its slot stays taken until the
// platform says that it is gone. A child told to end while starting may still become ready; that changes nothing.

export type ChildState = "starting" | "idle" | "busy" | "stopping" | "dead";
export type ChildInput = "ready" | "take" | "release" | "stop" | "exit";

/** Every legal move of a child. Anything else is a bug of the pool. */
export const TRANSITIONS: Readonly<Record<ChildState, Partial<Record<ChildInput, ChildState>>>> = {
  starting: { ready: "idle", stop: "stopping", exit: "dead" },
  idle: { take: "busy", stop: "stopping", exit: "dead" },
  busy: { release: "idle", stop: "stopping", exit: "dead" },
  stopping: { ready: "stopping", stop: "stopping", exit: "dead" },
  dead: {},
};

/**
 * @returns the state after `input`
 * @throws {Error} when the table has no such move
 */
export function advance(state: ChildState, input: ChildInput): ChildState {
  const next = TRANSITIONS[state][input];
  if (next === undefined) throw new Error(`a child cannot ${input} while ${state}`);
  return next;
}

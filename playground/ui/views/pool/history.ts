// The history of the page's pool. Drawn by timeline.tsx and lanes.tsx.

import { effect } from "@preact/signals";
import { engine, pool } from "../../state/engine.ts";
import { PoolHistory } from "./pool-history.ts";

export const history = new PoolHistory();

/** Begins to remember. Called once, when the page starts: what happened before a view is opened is shown by it too. */
export function watchPool(): void {
  effect(() => {
    if (pool.value !== undefined) history.look(pool.value);
  });
  engine.on("wire", (events) => history.take(events, (connection) => engine.wire.connection(connection)?.pid));
}

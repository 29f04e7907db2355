import { describe } from "vitest";
import { startEdge } from "../peers/app-server.ts";
import { guestbookScenario } from "./guestbook.ts";

describe.each(["8.2", "8.4"])("the guestbook on edge-fpm serve with PHP %s", (php) => {
  guestbookScenario(startEdge(php), php === "8.2" ? "Node, 2 children" : undefined);
});

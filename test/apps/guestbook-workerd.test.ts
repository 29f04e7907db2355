import { describe } from "vitest";
import { startWorkerd } from "../peers/workerd.ts";
import { guestbookScenario } from "./guestbook.ts";

describe("the guestbook, built and served by workerd", () => {
  guestbookScenario(startWorkerd("8.4"), "workerd");
});

import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { accessTime, logTime, strftime } from "../../src/fpm/strftime.ts";

const MOMENTS = [
  "2026-11-23T00:40:01Z",
  "2024-02-29T23:59:59Z",
  "2025-12-31T12:00:00Z",
  "2021-01-01T00:00:00Z",
  "2020-12-31T13:05:09Z",
  "1970-01-01T00:00:00Z",
  "2027-07-04T09:00:00Z",
];
// %Z is left out: JavaScript knows no letters for many zones.
const FORMAT =
  "%a %A %b %B %c %C %d %D %e %F %g %G %h %H %I %j %k %l %m %M %p %P %r %R %s %S %T %u %U %V %w %W %x %X %y %Y %z %% %Ey %Od";

describe("strftime", () => {
  test.each(MOMENTS)("writes every conversion as C does, at %s", (moment) => {
    const date = new Date(moment);
    const expected = execFileSync("date", ["-d", `@${date.getTime() / 1000}`, `+${FORMAT}`], {
      env: { ...process.env, LC_ALL: "C" },
      encoding: "utf8",
    });
    expect(`${strftime(FORMAT, date)}\n`).toBe(expected);
  });

  test("leaves what is no conversion as it is", () => {
    expect(strftime("100% %Q %", new Date(0))).toBe("100% %Q %");
  });

  test("writes the times of the status page and of the logs", () => {
    const time = new Date(2026, 10, 23, 0, 40, 1).getTime();
    expect(accessTime(time)).toMatch(/^23\/Nov\/2026:00:40:01 [+-]\d{4}$/);
    expect(logTime(time)).toBe("23-Nov-2026 00:40:01");
  });
});

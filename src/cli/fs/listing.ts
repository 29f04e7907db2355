// What `edge-fpm fs ls` and `stat` print, as ls and stat do.

import type { ToldEntry } from "./pool-files.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** What is older is shown with its year: half of one, in milliseconds. */
const RECENT = (365.25 / 2) * 24 * 3600 * 1000;

/** Lines of `ls -l`. Owners do not exist, nor hard links. */
export function longLines(entries: readonly ToldEntry[], now: number): string[] {
  const width = Math.max(0, ...entries.map(({ size }) => String(size).length));
  return entries.map((entry) => {
    const { size, mtime, target } = entry;
    const arrow = target === undefined ? "" : ` -> ${visible(target)}`;
    return `${modeText(entry)} ${String(size).padStart(width)} ${timeText(mtime, now)} ${visible(entry.path)}${arrow}`;
  });
}

/** Such as "drwxr-xr-x". */
export function modeText({ type, mode }: Pick<ToldEntry, "type" | "mode">): string {
  const letters = type === "symlink" ? "l" : type === "directory" ? "d" : "-";
  const three = (bits: number, special: boolean, set: string) => {
    const run = (bits & 1) !== 0;
    const last = special ? (run ? set : set.toUpperCase()) : run ? "x" : "-";
    return `${(bits & 4) !== 0 ? "r" : "-"}${(bits & 2) !== 0 ? "w" : "-"}${last}`;
  };
  const bits = type === "symlink" ? 0o777 : mode;
  return (
    letters +
    three(bits >> 6, (bits & 0o4000) !== 0, "s") +
    three(bits >> 3, (bits & 0o2000) !== 0, "s") +
    three(bits, (bits & 0o1000) !== 0, "t")
  );
}

function timeText(mtime: number, now: number): string {
  const date = new Date(mtime);
  const day = `${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2)}`;
  const recent = mtime <= now && now - mtime < RECENT;
  const two = (value: number) => String(value).padStart(2, "0");
  return recent
    ? `${day} ${two(date.getHours())}:${two(date.getMinutes())}`
    : `${day}  ${String(date.getFullYear()).padStart(4)}`;
}

/** A name cannot move the terminal's cursor. */
export function visible(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return name.replace(/[\x00-\x1f\x7f-\x9f]/g, (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** Lines of `stat`. */
export function statLines(path: string, entry: ToldEntry): string[] {
  const { type, size, mode, mtime, target, built } = entry;
  return [
    `  File: ${visible(path)}${target === undefined ? "" : ` -> ${visible(target)}`}`,
    `  Type: ${type}`,
    `  Size: ${size}`,
    `Access: ${(mode & 0o7777).toString(8).padStart(4, "0")} ${modeText(entry)}`,
    `Modify: ${new Date(mtime).toISOString()}`,
    `Source: ${built === true ? "the build" : "written"}`,
  ];
}

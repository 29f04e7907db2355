// A child's side of the file protocol, with a real PHP on it, when messages and answers get lost, the store starts anew or
// the child dies, at every message of a request that does a bit of everything.

import { beforeAll, describe, expect, test } from "vitest";
import { Child, type Fault, ROOT_PATH, Store } from "./child.ts";

const FAULTS: readonly Fault[] = [
  "request-lost",
  "answer-lost",
  "restart-before",
  "restart-after",
  "dies-before",
  "dies-after",
];

/** Bytes of the large file: held in pieces, and sent ahead of the batch. */
const LARGE = 1_300_000;

const WORK = `
  if ($f = @fopen("$d/page", 'r')) { flock($f, LOCK_SH); fread($f, 10); fclose($f); }
  $f = fopen("$d/count", 'c+'); flock($f, LOCK_EX); $n = (int) stream_get_contents($f); rewind($f); fwrite($f, (string) ($n + 1)); fclose($f);
  file_put_contents("$d/log", "$tag;", FILE_APPEND);
  $f = fopen("$d/large", 'w'); for ($i = 0; $i < ${LARGE / 100_000}; $i++) fwrite($f, str_repeat(chr(97 + $tag % 26), 100000)); fclose($f);
  file_put_contents("$d/page.tmp", "page $tag " . str_repeat('p', 1000)); rename("$d/page.tmp", "$d/page");
  @mkdir("$d/dir$tag"); file_put_contents("$d/dir$tag/a", "a$tag"); file_put_contents("$d/dir$tag/b", "b$tag");
  if ($tag > 0) { @unlink("$d/dir" . ($tag - 1) . '/a'); @unlink("$d/dir" . ($tag - 1) . '/b'); @rmdir("$d/dir" . ($tag - 1)); }
  $db = new PDO("sqlite:$d/db"); $db->exec('CREATE TABLE IF NOT EXISTS t (tag INT)'); $db->exec("INSERT INTO t VALUES ($tag)"); $db = null;
  echo 'done';`;

/** What PHP sees, all of it. */
const LOOK = `$seen = [];
  foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($d, FilesystemIterator::SKIP_DOTS), RecursiveIteratorIterator::SELF_FIRST) as $f) $seen[$f->getPathname()] = $f->isDir() ? 'dir' : hash_file('sha256', $f->getPathname());
  ksort($seen); $large = (string) @file_get_contents("$d/large"); $db = new PDO("sqlite:$d/db");
  echo json_encode(['count' => (int) @file_get_contents("$d/count"), 'log' => (string) @file_get_contents("$d/log"), 'size' => strlen($large), 'letters' => strlen(count_chars($large, 3)),
    'page' => (string) @file_get_contents("$d/page"), 'check' => $db->query('PRAGMA integrity_check')->fetchColumn(), 'tags' => $db->query('SELECT tag FROM t')->fetchAll(PDO::FETCH_COLUMN), 'seen' => $seen]);`;

interface Seen {
  readonly count: number;
  readonly log: string;
  readonly size: number;
  readonly letters: number;
  readonly page: string;
  readonly check: string;
  readonly tags: readonly number[];
  readonly seen: unknown;
}

const CHILDREN = [
  ["of two", false],
  ["that is alone", true],
] as const;

describe.each(CHILDREN)("a child %s", (_, alone) => {
  const store = new Store({}, alone);
  let child: Child;
  /** Looks at what the child has left: another one, or the next life. */
  let other: Child;

  beforeAll(async () => {
    child = await new Child(store, "one").boot();
    other = alone ? child : await new Child(store, "other").boot();
    await child.run(`$tag = 0; ${WORK}`);
  }, 30_000);

  const look = async (of: Child): Promise<Seen> => JSON.parse(await of.run(LOOK)) as Seen;

  /** Runs the work with a fault: whether it was acknowledged. */
  async function work(tag: number, at: number, fault: Fault): Promise<boolean> {
    child.plan({ at, fault });
    try {
      return (await child.run(`$tag = ${tag}; ${WORK}`)).endsWith("done");
    } catch {
      return false;
    }
  }

  test("nothing is torn, done twice, or lost that was acknowledged", { timeout: 120_000 }, async () => {
    child.plan(undefined);
    await child.run(`$tag = 1; ${WORK}`);
    const { messages } = child;
    expect(messages).toBeGreaterThan(alone ? 5 : 10);
    let tag = 1;
    let before = await look(other);
    for (const fault of FAULTS) {
      for (let at = 0; at < messages; at++) {
        tag += 1;
        const label = `${fault} at message ${at} of ${messages}`;
        const acknowledged = await work(tag, at, fault);
        const harmless = fault === "request-lost" || fault === "answer-lost";
        if (harmless) expect(acknowledged, `${label}: ${child.losses}`).toBe(true);
        // The master starts the next life; both children ask what is new.
        if (!harmless || alone) await child.begin();
        else child.plan(undefined);
        if (fault.startsWith("restart") && !alone) await other.begin();
        const now = await look(other);
        expect(await look(child), label).toEqual(now);
        const times = now.log.split(";").filter((entry) => entry === String(tag)).length;
        const rows = now.tags.filter((row) => row === tag).length;
        const done = [now.count - before.count, times, rows, Number(now.page.startsWith(`page ${tag} `))];
        if (acknowledged) expect(done, label).toEqual([1, 1, 1, 1]);
        else expect(Math.max(...done), label).toBeLessThanOrEqual(1);
        expect([now.check, now.size, now.letters], label).toEqual(["ok", LARGE, 1]);
        expect(now.page, label).toMatch(/^page \d+ p{1000}$/);
        const { locks } = store.service;
        expect([locks.held, locks.waiting], label).toEqual([0, 0]);
        before = now;
      }
    }
    // Nothing is left of what was staged, or of files that are gone.
    store.restart();
    const kept = store.service.store;
    const files = kept.changesSince(0).nodes.filter(({ type }) => type === "file");
    const notes = JSON.stringify([ROOT_PATH.slice(1)]).length;
    expect(kept.bytes).toBe(files.reduce((sum, { size }) => sum + size, notes));
  });
});

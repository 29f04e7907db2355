// Cached responses in the Cache API of Workers. It has no list of what it holds, so a purge is a note, kept in the cache
// too, that every record is held against when it is read.
//
// What that means:
// - The Cache API belongs to one data centre: a purge does not reach others. Keep `valid` short, or purge by time.
// - Other isolates of the data centre see a purge after `purgeDelay`.
// - When the notes themselves are evicted, or there are too many, records of that time count as purged: nothing that was
//   purged comes back, at the price of misses.
// - Two isolates that purge in the same instant may overwrite each other's note. Each puts its own back at its next look,
//   as long as it lives.

import {
  type CacheRecord,
  type CacheStore,
  decodeRecord,
  encodeRecord,
  isPurged,
  type Purge,
} from "../../gateway/cache/index.ts";

/** How a cache uses Cloudflare's Cache API. */
export interface CacheApiOptions {
  /** Name of the cache (`caches.open`). */
  readonly name: string;
  /** Seconds that a record is kept after it could last be used, for `useStale` and to be confirmed. 86,400. */
  readonly keepStale?: number;
  /** Milliseconds after which another isolate's purge is seen. 1,000. */
  readonly purgeDelay?: number;
  /** Purges remembered one by one; with more, everything stored before the oldest counts as purged. 500. */
  readonly maxPurges?: number;
  /** Milliseconds since the epoch; `Date.now`. */
  readonly now?: () => number;
  /** The runtime's `caches`. */
  readonly caches?: Pick<CacheStorage, "open">;
}

/** One purge; about records whose script was asked at that time or before. */
interface Note {
  readonly purge: Purge;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** All that was purged. Records stored under another generation are of no use: their purges are forgotten. */
interface Notes {
  readonly generation: string;
  readonly notes: readonly Note[];
  /** Everything that was asked for at this time or before is purged. */
  readonly before: number;
}

/** The Cache API wants absolute URLs; nobody asks for these. */
const ORIGIN = "https://cache.edge-fpm.invalid";

const NOTES_URL = `${ORIGIN}/purges`;

const GENERATION = "X-Generation";

/** The longest time that a cache keeps something, in seconds. */
const YEAR = 365 * 24 * 3600;

/** A store over the Cache API. One for each isolate and name: it remembers the isolate's own purges. */
export function cacheApiStore(options: CacheApiOptions): CacheStore {
  const { keepStale = 86_400, purgeDelay = 1_000, maxPurges = 500, now = Date.now } = options;
  // Opened for each request: nothing made in one request is used in another, but plain values.
  const open = () => (options.caches ?? caches).open(options.name);
  const own: Note[] = [];
  let known: Notes | undefined;
  let readAt = Number.NEGATIVE_INFINITY;

  const remember = (notes: Notes): Notes => {
    known = bounded(notes, maxPurges);
    return known;
  };

  const read = async (cache: Cache): Promise<Notes> => {
    const before = known;
    // Others go on with what is known, instead of asking for the same.
    readAt = now();
    const found = await readNotes(cache);
    // Whoever of this isolate was first has made them.
    const fresh = found ?? (known !== undefined && known !== before ? known : newNotes(now()));
    const missing = own.filter((note) => !holds(fresh, note));
    const notes = remember(missing.reduce(withNote, fresh));
    if (found === undefined || missing.length > 0) await writeNotes(cache, notes);
    return notes;
  };

  const current = (cache: Cache): Notes | Promise<Notes> => {
    return known !== undefined && now() - readAt < purgeDelay ? known : read(cache);
  };

  return {
    async get(name) {
      const cache = await open();
      const [notes, response] = await Promise.all([current(cache), urlOf(name).then((url) => cache.match(url))]);
      if (response === undefined) return undefined;
      // Read to its end in any case: an open body is a connection kept.
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (response.headers.get(GENERATION) !== notes.generation) return undefined;
      const record = decodeRecord(name, bytes);
      return record === undefined || isNoted(notes, record) ? undefined : record;
    },
    async set(name, record) {
      const cache = await open();
      const notes = await current(cache);
      const pieces = encodeRecord(name, record);
      const headers = {
        [GENERATION]: notes.generation,
        "Cache-Control": `max-age=${keptFor(record, keepStale, now())}`,
      };
      await cache.put(await urlOf(name), new Response(new Blob([...pieces] as BlobPart[]), { headers }));
    },
    async delete(name) {
      await (await open()).delete(await urlOf(name));
    },
    async purge(purge) {
      const note: Note = { purge, at: now() };
      own.push(note);
      if (own.length > maxPurges) own.shift();
      const cache = await open();
      const notes = await readNotes(cache);
      readAt = now();
      // `known` may have grown meanwhile; what another isolate noted is in what was read.
      const base = notes ?? newNotes(now());
      await writeNotes(
        cache,
        remember(own.reduce((all, each) => (holds(all, each) ? all : withNote(all, each)), base)),
      );
      return undefined;
    },
  };
}

function newNotes(time: number): Notes {
  // What was asked for before is of an unknown past.
  return { generation: crypto.randomUUID(), notes: [], before: time - 1 };
}

function withNote(notes: Notes, note: Note): Notes {
  if (note.purge.type === "all") {
    return { ...notes, before: Math.max(notes.before, note.at), notes: notes.notes.filter(({ at }) => at > note.at) };
  }
  return { ...notes, notes: [...notes.notes, note].sort((a, b) => a.at - b.at) };
}

function holds(notes: Notes, note: Note): boolean {
  if (note.at <= notes.before) return true;
  const text = JSON.stringify(note);
  return notes.notes.some((each) => JSON.stringify(each) === text);
}

/** Too many notes: the oldest become one, about everything of their time. */
function bounded(notes: Notes, most: number): Notes {
  const surplus = notes.notes.length - most;
  if (surplus <= 0) return notes;
  const before = Math.max(notes.before, notes.notes[surplus - 1]?.at ?? 0);
  return { ...notes, before, notes: notes.notes.slice(surplus) };
}

function isNoted(notes: Notes, record: CacheRecord): boolean {
  if (record.requestedAt <= notes.before) return true;
  return notes.notes.some(({ purge, at }) => record.requestedAt <= at && isPurged(purge, record));
}

/** Seconds. */
function keptFor(record: CacheRecord, keepStale: number, now: number): number {
  if (record.kind === "vary") return YEAR;
  const last = Math.max(record.freshUntil, record.updatingUntil, record.errorUntil);
  return Math.min(YEAR, Math.max(1, Math.ceil((last - now) / 1000) + keepStale));
}

async function readNotes(cache: Cache): Promise<Notes | undefined> {
  const response = await cache.match(NOTES_URL);
  return response === undefined ? undefined : ((await response.json()) as Notes);
}

async function writeNotes(cache: Cache, notes: Notes): Promise<void> {
  const headers = { "Cache-Control": `max-age=${YEAR}`, "Content-Type": "application/json" };
  await cache.put(NOTES_URL, new Response(JSON.stringify(notes), { headers }));
}

/** Names may be longer than a URL. */
async function urlOf(name: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(name));
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${ORIGIN}/${hex}`;
}

// The visitor's cookies of an application: what comes from a service worker, a browser does not put into its own jar.

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  /** Milliseconds since 1970; `null`: with the session. */
  readonly expires: number | null;
}

/** Cookies, and characters of one, as browsers take them (RFC 6265, section 6.1). */
const MOST = 180;
const LONGEST = 4096;

/** Cookies of one host (RFC 6265, sections 5.3 and 5.4): names, paths and times. Kept while the tab is open. */
export class CookieJar {
  readonly #key: string;
  #cookies: readonly Cookie[];

  /** @param key of what is kept over a reload */
  constructor(key: string) {
    this.#key = key;
    this.#cookies = read(key);
  }

  /** Takes a Set-Cookie header of an answer. @param path of the request */
  take(header: string, path: string, now: number): void {
    const [pair = "", ...attributes] = header.split(";");
    const equals = pair.indexOf("=");
    if (equals < 1 || header.length > LONGEST) return;
    const name = pair.slice(0, equals).trim();
    let at = path.slice(0, Math.max(1, path.lastIndexOf("/")));
    let expires: number | null = null;
    let seconds: number | undefined;
    for (const attribute of attributes) {
      const [key = "", value = ""] = attribute.split(/=(.*)/s);
      const text = value.trim();
      switch (key.trim().toLowerCase()) {
        case "path":
          if (text.startsWith("/")) at = text;
          break;
        case "max-age":
          if (/^-?\d+$/.test(text)) seconds = Number(text);
          break;
        case "expires":
          if (!Number.isNaN(Date.parse(text))) expires = Date.parse(text);
      }
    }
    if (seconds !== undefined) expires = now + seconds * 1000;
    const others = this.#cookies.filter((known) => known.name !== name || known.path !== at);
    const made = { name, value: pair.slice(equals + 1).trim(), path: at, expires };
    this.#cookies = expires !== null && expires <= now ? others : [...others, made].slice(-MOST);
    keep(this.#key, this.#cookies);
  }

  /** The Cookie header of a request; `undefined` when there is none to send. */
  header(path: string, now: number): string | undefined {
    const sent = this.#cookies
      .filter((cookie) => (cookie.expires === null || cookie.expires > now) && isBelow(path, cookie.path))
      .sort((a, b) => b.path.length - a.path.length);
    return sent.length === 0 ? undefined : sent.map(({ name, value }) => `${name}=${value}`).join("; ");
  }

  clear(): void {
    this.#cookies = [];
    keep(this.#key, []);
  }
}

/** As section 5.1.4 has it. */
function isBelow(path: string, of: string): boolean {
  return path === of || (path.startsWith(of) && (of.endsWith("/") || path[of.length] === "/"));
}

function read(key: string): readonly Cookie[] {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "[]") as Cookie[];
  } catch {
    return [];
  }
}

function keep(key: string, cookies: readonly Cookie[]): void {
  try {
    sessionStorage.setItem(key, JSON.stringify(cookies));
  } catch {
    // No storage: until the next reload.
  }
}

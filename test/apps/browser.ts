// A visitor without a browser: fetch with cookies, redirects followed one by one, forms filled in by name.

/** Most redirects followed for one page. */
const REDIRECTS = 10;

export type FieldValue = string | Blob;

export interface Form {
  readonly action: string;
  readonly method: string;
  readonly multipart: boolean;
  /** Fields as the page gives them; buttons and unticked boxes left out. */
  readonly fields: ReadonlyMap<string, string>;
}

export class Page {
  /** Address after redirects. */
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;

  constructor(url: string, response: Response, bytes: Uint8Array) {
    this.url = url;
    this.status = response.status;
    this.headers = response.headers;
    this.bytes = bytes;
  }

  /** The body as text. */
  get html(): string {
    return new TextDecoder().decode(this.bytes);
  }

  /** Forms in the order of the page. */
  forms(): readonly Form[] {
    return [...this.html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gis)].map(([, head = "", body = ""]) =>
      readForm(head, body),
    );
  }

  /**
   * The first form with a field called `field`, and that field's `value` if one is given.
   *
   * @throws {Error} with the page when there is none
   */
  form(field: string, value?: string): Form {
    const form = this.forms().find(
      ({ fields }) => fields.has(field) && (value === undefined || fields.get(field) === value),
    );
    if (form === undefined) throw new Error(`no form with ${field} at ${this.url} (${this.status}):\n${this.html}`);
    return form;
  }
}

export class Visitor {
  readonly #cookies = new Map<string, string>();
  readonly #base: string;
  readonly #before: (() => Promise<void>) | undefined;

  /** @param before called before each single request, such as a redirect's */
  constructor(base: string, before?: () => Promise<void>) {
    this.#base = base;
    this.#before = before;
  }

  /** The same visitor at a server's new address. */
  movedTo(base: string, before?: () => Promise<void>): Visitor {
    const moved = new Visitor(base, before);
    for (const [name, value] of this.#cookies) moved.#cookies.set(name, value);
    return moved;
  }

  /** Opens a page; `address` is relative to the base. */
  open(address: string): Promise<Page> {
    return this.request(address, {});
  }

  /** Sends `form` as found on `page`, with `changes` over its fields. */
  submit(page: Page, form: Form, changes: Readonly<Record<string, FieldValue>> = {}): Promise<Page> {
    const fields = new Map<string, FieldValue>([...form.fields, ...Object.entries(changes)]);
    const url = new URL(form.action === "" ? page.url : form.action, page.url);
    if (form.method === "get") {
      url.search = new URLSearchParams([...fields].map(([name, value]) => [name, String(value)])).toString();
      return this.request(url.href, {});
    }
    const body = form.multipart ? new FormData() : new URLSearchParams();
    for (const [name, value] of fields) {
      if (body instanceof FormData) body.append(name, value);
      else body.append(name, String(value));
    }
    return this.request(url.href, { method: "POST", body });
  }

  /** One request, by a whole address or one relative to the base, and the redirects after it. */
  async request(address: string, init: RequestInit): Promise<Page> {
    const url = new URL(address, this.#base).href;
    let next = url;
    let current = init;
    for (let hop = 0; hop <= REDIRECTS; hop++) {
      const headers = new Headers(current.headers);
      if (this.#cookies.size > 0) {
        headers.set("cookie", [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; "));
      }
      await this.#before?.();
      const response = await fetch(next, { ...current, headers, redirect: "manual" });
      this.#keepCookies(response.headers);
      const bytes = new Uint8Array(await response.arrayBuffer());
      const location = response.headers.get("location");
      if (location === null || response.status < 300 || response.status > 399) return new Page(next, response, bytes);
      next = new URL(location, next).href;
      current = {};
    }
    throw new Error(`more than ${REDIRECTS} redirects from ${url}`);
  }

  #keepCookies(headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      const [, name, value, rest = ""] = /^([^=;]+)=([^;]*)(.*)$/.exec(line) ?? [];
      if (name === undefined || value === undefined) continue;
      const expires = /;\s*expires=([^;]+)/i.exec(rest)?.[1];
      const gone = value === "deleted" || (expires !== undefined && Date.parse(expires) < Date.now());
      if (gone) this.#cookies.delete(name.trim());
      else this.#cookies.set(name.trim(), value);
    }
  }
}

function readForm(head: string, body: string): Form {
  const fields = new Map<string, string>();
  for (const [, attributes = ""] of body.matchAll(/<input\b([^>]*)>/gi)) {
    const name = attribute(attributes, "name");
    const type = (attribute(attributes, "type") ?? "text").toLowerCase();
    if (name === undefined || ["submit", "button", "image", "reset", "file"].includes(type)) continue;
    if ((type === "checkbox" || type === "radio") && !/\bchecked\b/i.test(attributes)) continue;
    fields.set(name, attribute(attributes, "value") ?? (type === "checkbox" ? "on" : ""));
  }
  for (const [, attributes = "", content = ""] of body.matchAll(/<textarea\b([^>]*)>([^<]*)<\/textarea>/gi)) {
    const name = attribute(attributes, "name");
    // The first line break after the tag is not part of the text.
    if (name !== undefined) fields.set(name, decode(content).replace(/^\r?\n/, ""));
  }
  for (const [, attributes = "", content = ""] of body.matchAll(/<select\b([^>]*)>(.*?)<\/select>/gis)) {
    const name = attribute(attributes, "name");
    if (name !== undefined) fields.set(name, selected(content));
  }
  return {
    action: attribute(head, "action") ?? "",
    method: (attribute(head, "method") ?? "get").toLowerCase(),
    multipart: /multipart\/form-data/i.test(head),
    fields,
  };
}

/** The value of a list's chosen option, or of its first. */
function selected(options: string): string {
  const all = [...options.matchAll(/<option\b([^>]*)>([^<]*)/gi)];
  const [, attributes = "", text = ""] = all.find((option) => /\bselected\b/i.test(option[1] ?? "")) ?? all[0] ?? [];
  return attribute(attributes, "value") ?? decode(text).trim();
}

function attribute(attributes: string, name: string): string | undefined {
  const match = new RegExp(`(?:^|\\s)${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, "i").exec(attributes);
  const value = match?.[1] ?? match?.[2] ?? match?.[3];
  return value === undefined ? undefined : decode(value);
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };

/** Undoes HTML escapes. */
function decode(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return ENTITIES[String(name).toLowerCase()] ?? whole;
  });
}

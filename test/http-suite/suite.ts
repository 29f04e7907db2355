// The one suite at the level of HTTP: what a PHP application and its visitors may expect, whoever serves it. nginx in front
// of php-fpm is the model that it was written against. What a server cannot do is a gap with a reason, not another copy.

import { afterAll, beforeAll, describe } from "vitest";
import type { AppServer, StartAppServer } from "../peers/app-server.ts";
import { concurrencyTests } from "./concurrency.ts";
import { fileTests } from "./files.ts";
import { requestTests } from "./requests.ts";
import { responseTests } from "./responses.ts";
import { makeRemoteSite, makeSite, type Site } from "./site.ts";
import { streamingTests } from "./streaming.ts";

/** What a server may lack. */
export type Capability =
  /** Bodies sent in chunks, with no Content-Length. */
  | "chunked-upload"
  /** A script learns that its visitor has left. */
  | "client-abort"
  /** `fastcgi_finish_request()`. */
  | "finish-request"
  /** `DOCUMENT_URI`, nginx's own variable. */
  | "document-uri"
  /** 405 for a method that a static file has not. */
  | "static-methods"
  /** The file's size in a 416. */
  | "range-size"
  /** Bytes above 0x7f in header values that are not UTF-8. */
  | "header-bytes"
  /** `SERVER_ADDR` and `REMOTE_PORT`. */
  | "both-addresses"
  /** Scripts and tests share files: what a script waits for is made over HTTP where they do not. */
  | "shared-files";

/** Each gap with its reason, which is shown beside the skipped test. */
export type Gaps = Readonly<Partial<Record<Capability, string>>>;

/** What the groups of tests share. `baseUrl` and `site` are there once tests run. */
export interface Context {
  readonly baseUrl: string;
  readonly site: Site;
  /** Skips a test and says why, when `capability` is a gap. For `test.skipIf` and for the test's name. */
  lacks(capability: Capability): { readonly skip: boolean; readonly note: string };
}

/** Declares the suite for a server started on a copy of `www`. */
export function httpSuite(start: StartAppServer, gaps: Gaps = {}): void {
  let server: AppServer | undefined;
  let site: Site | undefined;
  const context: Context = {
    get baseUrl() {
      if (server === undefined) throw new Error("the server is not up");
      return server.baseUrl;
    },
    get site() {
      if (site === undefined) throw new Error("the site is not made");
      return site;
    },
    lacks: (capability) => {
      const reason = gaps[capability];
      return { skip: reason !== undefined, note: reason === undefined ? "" : ` (gap: ${reason})` };
    },
  };

  beforeAll(async () => {
    site = gaps["shared-files"] === undefined ? makeSite() : await makeRemoteSite();
    server = await start(site.root);
  });
  afterAll(async () => {
    await server?.stop();
    site?.remove();
  });

  describe("requests", () => requestTests(context));
  describe("responses", () => responseTests(context));
  describe("streaming", () => streamingTests(context));
  describe("files", () => fileTests(context));
  describe("concurrency", () => concurrencyTests(context));
}

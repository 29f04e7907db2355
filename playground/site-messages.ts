// What the service worker asks the page for an application's address, and what comes back. Over a port of its own each.

/** The folder of the page that applications are in, and folders of pages that do not keep their files. */
export const SITE_FOLDER: RegExp = /^site(?:-[a-z0-9]+)?\//;

export interface SiteRequest {
  readonly type: "edge-fpm site";
  /** Absolute. */
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly referrer: string;
  readonly body: ArrayBuffer | undefined;
}

export type SiteAnswer =
  /** It is this page's address: an answer follows. */
  | { readonly type: "mine" }
  | {
      readonly type: "answer";
      readonly status: number;
      readonly headers: readonly (readonly [name: string, value: string])[];
      readonly body: Uint8Array<ArrayBuffer>;
    };

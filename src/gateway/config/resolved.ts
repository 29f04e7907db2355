// A configuration ready for use: every default in its place, what a site says and its locations inherit worked out, every
// template and expression compiled. Made by `compileConfig`.

import type { GatewayLimits } from "../options.ts";
import type { AddressRanges } from "../request/address-ranges.ts";
import type { TrustedPeers } from "../request/forwarded.ts";
import type { CacheZone, GatewayConfig, PoolConfigEntry, UpstreamConfig } from "./config.ts";
import type { CompiledTarget, CompiledTemplate } from "./template.ts";

export type { CompiledTarget, CompiledTemplate } from "./template.ts";

/** A name and its value, which is made for each request. Byte strings. */
export interface TemplateEntry {
  readonly name: string;
  readonly value: CompiledTemplate;
}

export interface CompiledRewrite {
  readonly from: RegExp;
  readonly to: CompiledTarget;
  readonly flag: "last" | "break" | "redirect" | "permanent";
}

/** What becomes of an error. */
export interface CompiledErrorPage {
  /** `path`: a URI of ours; `url`: a redirect (302 unless `status` is another redirect); `named`: a location, `@` included. */
  readonly type: "path" | "url" | "named";
  readonly target: CompiledTarget;
  /** The visitor's status: `keep` (the error's), `page` (the page's own), or a number. */
  readonly status: "keep" | "page" | number;
}

export interface ResolvedFastCgi {
  /** The name of a pool or an upstream, or an address; `undefined`: the application the gateway was made with. */
  readonly pass: string | undefined;
  readonly splitPathInfo: RegExp | undefined;
  /** SCRIPT_FILENAME, whatever the path. */
  readonly script: CompiledTemplate | undefined;
  readonly index: string | undefined;
  readonly checkScript: boolean;
  readonly scriptsOnly: boolean;
  readonly params: readonly (TemplateEntry & { readonly ifNotEmpty: boolean })[];
  readonly passRequestHeaders: boolean;
  readonly passRequestBody: boolean;
  /** Names of headers in lower case, as in the next two. */
  readonly hideHeaders: ReadonlySet<string>;
  readonly passHeaders: ReadonlySet<string>;
  readonly ignoreHeaders: ReadonlySet<string>;
  readonly buffering: boolean;
  readonly requestBuffering: boolean;
  /** Bytes a second; 0: no bound. */
  readonly limitRate: number;
  readonly interceptErrors: boolean;
  readonly ignoreClientAbort: boolean;
  readonly catchStderr: readonly string[];
  readonly forceRanges: boolean;
}

/** An application in the role of an authorizer or a filter. */
export interface ResolvedRole {
  /** Equal for those that are written alike. */
  readonly id: string;
  /** Name or address of an application. */
  readonly pass: string;
  readonly script: CompiledTemplate | undefined;
  readonly params: ResolvedFastCgi["params"];
}

export interface ResolvedCache {
  readonly zone: string;
  readonly key: CompiledTemplate;
  readonly methods: ReadonlySet<string>;
  /** Seconds by status; `any` for those that are not listed. */
  readonly valid: ReadonlyMap<number | "any", number>;
  readonly bypass: readonly CompiledTemplate[];
  readonly noCache: readonly CompiledTemplate[];
  readonly minUses: number;
  readonly useStale: ReadonlySet<string>;
  readonly backgroundUpdate: boolean;
  /** Seconds; `undefined`: several requests may fill the same entry. */
  readonly lock: { readonly timeout: number; readonly age: number } | undefined;
  readonly revalidate: boolean;
  readonly tagHeader: string;
  readonly showStatus: boolean;
}

export type CompiledMatch =
  | { readonly type: "exact"; readonly path: string }
  | { readonly type: "prefix"; readonly path: string; readonly final: boolean }
  | { readonly type: "regex"; readonly regex: RegExp }
  | { readonly type: "name"; readonly name: string }
  /** Of a site without a location that fits. */
  | { readonly type: "default" };

/** A path of `tryFiles` but the last one. */
export interface CompiledTry {
  /** Without the slash at its end. */
  readonly path: CompiledTemplate;
  /** It was written with a slash at its end. */
  readonly folder: boolean;
}

/** The end of a `tryFiles`. */
export type CompiledFallback =
  | { readonly type: "status"; readonly status: number }
  | { readonly type: "named"; readonly name: string }
  | { readonly type: "path"; readonly target: CompiledTarget };

export interface AccessRule {
  readonly allow: boolean;
  /** `undefined`: everybody. */
  readonly ranges: AddressRanges | undefined;
}

/** One location with everything it inherits. */
export interface ResolvedLocation {
  /** For logs, as nginx writes it: `= /path`, `/path`, `^~ /path`, `~ expression`, `@name`; `default`. */
  readonly id: string;
  readonly match: CompiledMatch;
  readonly internal: boolean;
  readonly deny: 403 | 404 | undefined;
  readonly return:
    | {
        readonly status: number;
        readonly location: CompiledTemplate | undefined;
        readonly body: CompiledTemplate | undefined;
        readonly type: string;
      }
    | undefined;
  readonly rewrite: readonly CompiledRewrite[];
  /** `fastcgi`: every path is for the application. `files`: scripts that exist are, other files are sent. */
  readonly mode: "fastcgi" | "files";
  /** The folder as the configuration writes it: what `files()` is asked with. */
  readonly root: string;
  readonly alias: string | undefined;
  readonly index: readonly string[];
  readonly frontController: string | undefined;
  /** Byte strings. */
  readonly scriptExtensions: readonly string[];
  readonly followSymlinks: boolean;
  readonly tryFiles: { readonly paths: readonly CompiledTry[]; readonly last: CompiledFallback } | undefined;
  /** An empty value removes the application's own header. */
  readonly headers: readonly TemplateEntry[];
  readonly expires: number | "max" | "epoch" | undefined;
  readonly errorPages: ReadonlyMap<number, CompiledErrorPage>;
  readonly fastcgi: ResolvedFastCgi;
  readonly cache: ResolvedCache | undefined;
  readonly authorizer: ResolvedRole | undefined;
  readonly filter: ResolvedRole | undefined;
  readonly compress: { readonly types: readonly string[]; readonly minLength: number } | undefined;
  /** Bytes; `undefined`: the gateway's limit. */
  readonly maxBody: number | undefined;
  /** Milliseconds; `undefined`: the gateway's. */
  readonly timeouts: { readonly read: number | undefined; readonly body: number | undefined };
  readonly access: readonly AccessRule[];
  readonly accessLog: boolean;
}

/** Locations of a site, by how they are looked for. */
export interface LocationTable {
  readonly exact: ReadonlyMap<string, ResolvedLocation>;
  /** The longest first. */
  readonly prefixes: readonly { readonly path: string; readonly final: boolean; readonly location: ResolvedLocation }[];
  /** In the order written. */
  readonly regexes: readonly { readonly regex: RegExp; readonly location: ResolvedLocation }[];
  readonly named: ReadonlyMap<string, ResolvedLocation>;
  /** What the site says, for paths that no location is for. */
  readonly default: ResolvedLocation;
}

export interface CompiledSite {
  /** The first host name as written, or `_`. */
  readonly id: string;
  /** SERVER_NAME; `undefined`: the name in the Host header. */
  readonly serverName: string | undefined;
  readonly rewrite: readonly CompiledRewrite[];
  readonly locations: LocationTable;
  /** Every location, the default included. */
  readonly all: readonly ResolvedLocation[];
}

/** Sites by host name. Names are in lower case. */
export interface HostTable {
  readonly exact: ReadonlyMap<string, CompiledSite>;
  /** `*.example.org` is `.example.org` here; the longest first. */
  readonly endings: readonly { readonly text: string; readonly site: CompiledSite }[];
  /** `www.example.*` is `www.example.` here; the longest first. */
  readonly beginnings: readonly { readonly text: string; readonly site: CompiledSite }[];
  readonly regexes: readonly { readonly regex: RegExp; readonly site: CompiledSite }[];
  /** The first site without `hosts`, else the first one, as in nginx. */
  readonly default: CompiledSite;
}

/** `local`: this machine. */
export type AllowedAddresses = AddressRanges | "all" | "local";

/** A configuration as requests need it: sites by host, locations in the order they are looked through, addresses parsed. */
export interface CompiledGateway {
  readonly sites: readonly CompiledSite[];
  readonly hosts: HostTable;
  readonly trustedProxies: TrustedPeers | undefined;
  readonly metrics: { readonly path: string; readonly allow: AllowedAddresses } | undefined;
  readonly purge: { readonly allow: AllowedAddresses; readonly token: string | undefined } | undefined;
  readonly serverTiming: boolean;
  readonly debug: boolean;
  readonly underscoresInHeaders: boolean;
  readonly limits: Partial<GatewayLimits>;
  /** As written: whoever starts them reads them. */
  readonly log: GatewayConfig["log"];
  readonly upstreams: Readonly<Record<string, UpstreamConfig>>;
  readonly pools: Readonly<Record<string, PoolConfigEntry>>;
  readonly caches: Readonly<Record<string, CacheZone>>;
}

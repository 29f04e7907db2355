// What a configuration can say of a location: which paths it is for, and what becomes of their requests. The words are
// nginx's, in camel case; docs/configuration.md maps each of its directives.

/**
 * Text with variables, as in nginx: `$uri`, `${uri}`, `$http_accept`, and `$1` or `$name` for what the location's regular
 * expression (or the rewrite's) captured. A dollar that is meant as such is written `$$`. Unknown names are refused when the
 * configuration is checked.
 */
export type Template = string;

/** Which paths a location is for. Paths are matched decoded, without the query. nginx's order of precedence holds. */
export type LocationMatch =
  /** This path alone; wins over everything. nginx: `location = /path`. */
  | { readonly exact: string }
  /**
   * Paths that begin so; the longest wins, unless a regular expression matches. With `final` none is asked.
   * nginx: `location /path`, `location ^~ /path`.
   */
  | { readonly prefix: string; readonly final?: boolean }
  /** Paths that match; the first in the order written wins. A string is a case-sensitive expression. nginx: `~`, `~*`. */
  | { readonly regex: RegExp | string }
  /** No path: reached by name, from `tryFiles`, `errorPages` or `X-Accel-Redirect`. Begins with `@`. */
  | { readonly name: string };

/** One rule of `rewrite`. */
export interface Rewrite {
  /** Matched against the decoded path. */
  readonly from: RegExp | string;
  /** The new path, with its own query if it has one; the old query is appended unless it ends in `?`. */
  readonly to: Template;
  /**
   * `last` (default): look for a location again. `break`: go on in this one. `redirect`: 302 to the visitor.
   * `permanent`: 301.
   */
  readonly flag?: "last" | "break" | "redirect" | "permanent";
}

/** An answer without an application or a file. nginx: `return`. */
export interface Return {
  readonly status: number;
  /** For 301, 302, 303, 307 and 308. */
  readonly location?: Template;
  readonly body?: Template;
  /** `text/plain; charset=utf-8` when there is a body. */
  readonly type?: string;
}

/** Sends a request to a FastCGI application. nginx: `fastcgi_pass` and the directives around it. */
export interface FastCgi {
  /**
   * The name of a pool, of an upstream, or an address such as `unix:/run/php.sock` or `tcp://127.0.0.1:9000`. Default: the
   * only pool or upstream there is, else the application that the gateway was made with.
   */
  readonly pass?: string;
  /**
   * Where a path is cut into script and path info: the first capture is SCRIPT_NAME, the second PATH_INFO. Default: behind
   * the first segment that ends in one of `scriptExtensions` and is an existing file. nginx: `fastcgi_split_path_info`.
   */
  readonly splitPathInfo?: RegExp | string;
  /** The file that runs, whatever the path (SCRIPT_FILENAME): for applications that are not below the root. */
  readonly script?: Template;
  /** Added to a path that ends in a slash. nginx: `fastcgi_index`. Default: the location's `index`. */
  readonly index?: string;
  /**
   * Only scripts that exist go to the application (by `scriptExtensions`); other files are sent, as by a location without
   * `fastcgi`. Default: true for the `fastcgi` of a site, false for a location's own.
   */
  readonly scriptsOnly?: boolean;
  /** The script must exist below the root before anything is sent. Default true. Off for applications on another machine. */
  readonly checkScript?: boolean;
  /** More params, or others in place of the usual ones. An empty value with `ifNotEmpty` is not sent. */
  readonly params?: Readonly<Record<string, Template | { readonly value: Template; readonly ifNotEmpty: true }>>;
  /** Passes the visitor's headers as HTTP_*. Default true. */
  readonly passRequestHeaders?: boolean;
  /** Passes the visitor's body. Default true. */
  readonly passRequestBody?: boolean;
  /** Response headers kept from the visitor, beside Status and X-Accel-*. Case does not matter. */
  readonly hideHeaders?: readonly string[];
  /** Response headers passed though they are hidden by default, as `X-Accel-Expires`. */
  readonly passHeaders?: readonly string[];
  /** Response headers that have no effect here: X-Accel-Redirect, X-Accel-Expires, X-Accel-Limit-Rate, X-Accel-Buffering,
   * X-Accel-Charset, Expires, Cache-Control, Set-Cookie, Vary. */
  readonly ignoreHeaders?: readonly string[];
  /** Collects the answer ahead of a slow visitor, within the limits. Off: each chunk is sent as it comes. Default true. */
  readonly buffering?: boolean;
  /** Collects the request's body before the application is asked. Off: it streams, and its length must be declared. Default true. */
  readonly requestBuffering?: boolean;
  /** Bytes a second to the visitor, for each request; 0 (default): no bound. `X-Accel-Limit-Rate` overrides it. */
  readonly limitRate?: number;
  /** An application's answer of 300 and more gets the page in `errorPages`, when there is one. Default false. */
  readonly interceptErrors?: boolean;
  /** Goes on with the request though its visitor left. Default false. */
  readonly ignoreClientAbort?: boolean;
  /** Text on STDERR that makes an answer an invalid one (502, or the next server). nginx: `fastcgi_catch_stderr`. */
  readonly catchStderr?: readonly string[];
  /** Serves ranges from answers that do not offer them, when their length is known. Default false. */
  readonly forceRanges?: boolean;
}

/** Keeps answers. nginx: `fastcgi_cache` and what belongs to it. Seconds. */
export interface CacheUse {
  /** The name of one of the configuration's caches. */
  readonly zone: string;
  /** Default `$scheme$request_method$host$request_uri`, with HEAD as GET. */
  readonly key?: Template;
  readonly methods?: readonly string[];
  /** Seconds an answer is fresh that does not say so itself, by status; `any` for all others. */
  readonly valid?: Readonly<Partial<Record<number | "any", number>>>;
  /** Not looked up when one of these is neither empty nor "0". */
  readonly bypass?: readonly Template[];
  /** Not kept when one of these is neither empty nor "0". */
  readonly noCache?: readonly Template[];
  readonly minUses?: number;
  readonly useStale?: readonly (
    | "error"
    | "timeout"
    | "invalid-header"
    | "updating"
    | "http_500"
    | "http_503"
    | "http_403"
    | "http_404"
    | "http_429"
  )[];
  readonly backgroundUpdate?: boolean;
  readonly lock?: boolean | { readonly timeout?: number; readonly age?: number };
  readonly revalidate?: boolean;
  /** Response header that lists tags, to purge by. Default `Cache-Tag`. */
  readonly tagHeader?: string;
  /** Shows `X-Cache-Status` to the visitor. Default false. */
  readonly showStatus?: boolean;
}

/** An application in another role than the responder's. A text in its place is its `pass`. */
export interface RoleUse {
  /** The name of a pool or an upstream, or an address. */
  readonly pass: string;
  /**
   * SCRIPT_FILENAME, relative to the configuration file or as the application knows it. Without it that is the file of the
   * request, which PHP runs only where it is a script.
   */
  readonly script?: Template;
  /** More params, or others in place of the usual ones. */
  readonly params?: FastCgi["params"];
}

/** What may be said for a site as a whole and again, differently, for a location. */
export interface LocationSettings {
  /** A folder; relative to the configuration file. */
  readonly root?: string;
  /** Files that answer for their folder. Default `index.php`, `index.html`. */
  readonly index?: readonly string[];
  /** The script for what does not exist, e.g. `/index.php`: short for a `tryFiles` that keeps the query. */
  readonly frontController?: string;
  /** What is run and never sent as a file. Default `.php`. */
  readonly scriptExtensions?: readonly string[];
  /**
   * Tried in order; the last one is where the request goes: a path, `=404`, or a named location. A
   * path without a question mark keeps the query (nginx loses it). nginx: `try_files`.
   */
  readonly tryFiles?: readonly Template[];
  /** Headers added to every answer; an empty value removes the application's own. */
  readonly headers?: Readonly<Record<string, Template>>;
  /** `Cache-Control: max-age` of files, in seconds; `-1`: no-cache; `"max"`: ten years. nginx: `expires`. */
  readonly expires?: number | "max" | "epoch";
  /**
   * Pages for statuses: a path, a URL or a named location; `=200` in front changes the status, `=` alone takes the page's.
   * Several statuses in one key are separated by spaces: `"502 503 504"`. nginx: `error_page`.
   */
  readonly errorPages?: Readonly<Record<string, Template>>;
  readonly fastcgi?: FastCgi;
  readonly cache?: CacheUse | false;
  /** The application that is asked first, in the FastCGI role AUTHORIZER. */
  readonly authorizer?: string | RoleUse | false;
  /** The application that static files go through, in the FastCGI role FILTER. */
  readonly filter?: string | RoleUse | false;
  /** Compresses text for visitors who take it. Default false; at the edge the platform does it. */
  readonly compress?: boolean | { readonly types?: readonly string[]; readonly minLength?: number };
  /** Longest request body, bytes. */
  readonly maxBody?: number;
  /** Milliseconds; see `GatewayTimeouts`. */
  readonly timeouts?: { readonly read?: number; readonly body?: number };
  /** CIDR ranges and `all`; the first rule that fits decides. nginx: `allow`, `deny`. */
  readonly access?: readonly ({ readonly allow: string } | { readonly deny: string })[];
  /** Whether requests are written to the access log. Default true. */
  readonly accessLog?: boolean;
}

/**
 * A location: what it is for, what it does. At most one of `return`, `deny` and `fastcgi`; with none of these, scripts that
 * exist run in the site's application and other files are sent. `headers`, `errorPages`, `timeouts`, `fastcgi` and its
 * `params` add to the site's; every other setting takes its place.
 */
export type Location = LocationMatch &
  LocationSettings & {
    /** For internal redirects only; 404 for visitors. */
    readonly internal?: boolean;
    /** Refuses with 403, or the status given. */
    readonly deny?: true | 403 | 404;
    readonly return?: Return;
    readonly rewrite?: readonly Rewrite[];
    /**
     * Files are taken from this folder, with the prefix cut off; for `exact`, the file itself. Both end in a slash or
     * neither does. nginx: `alias`.
     */
    readonly alias?: string;
  };

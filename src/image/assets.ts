// Which files of an application are static assets: what a visitor may load as a file. Named by what is allowed, because
// an asset is public to everyone, whatever the application thinks of it.

import { hasHiddenSegment, isSource } from "../gateway/routing/locate.ts";

/** Extensions of files that pages load, or that are made to be downloaded. */
const PUBLIC = new Set(
  [
    "html htm xhtml css js mjs map wasm json webmanifest xml xsl rss atom txt vtt srt",
    "svg png jpg jpeg gif webp avif apng bmp ico cur tif tiff",
    "woff woff2 ttf otf eot",
    "mp3 m4a aac ogg oga opus wav flac mp4 m4v webm ogv mov",
    "pdf epub rtf csv ics vcf",
  ].flatMap((line) => line.split(" ")),
);

/**
 * Names that look public by their extension and are not: settings and lists of packages (they tell versions, sometimes
 * passwords), and what Cloudflare's assets take for instructions.
 */
const PRIVATE = [
  /^(?:composer|package|package-lock|npm-shrinkwrap|bower|installed|tsconfig|jsconfig|deno|biome|turbo|lerna|nx)\.json$/i,
  // Data only: config.js is code that a page loads.
  /^(?:auth|credentials?|secrets?|settings|config|configuration|database|parameters|service-?account|client_?secret)(?:[._-].*)?\.(?:json|xml|txt|csv)$/i,
  /[._-](?:config|settings|secrets?|credentials?)\.(?:json|xml|txt|csv)$/i,
  /^(?:passwords?|users?|dump|backup|error_?log|debug|access)(?:[._-].*)?\.(?:json|xml|txt|csv)$/i,
  /^(?:phpunit|phpcs|phpmd|psalm|phpstan|infection|web|app|build|pom|rector)\.(?:dist\.)?xml$/i,
  /^(?:gulpfile|gruntfile)\.[cm]?js$|^[a-z]+\.config\.[cm]?js$/i,
  /^_worker\.js$|^_routes\.json$/,
];

/**
 * Whether a file is a static asset by its name: never PHP-like sources, dotfiles and what lies in dot folders (but
 * `.well-known`), backups, configuration, keys, archives and databases.
 *
 * @param path relative to the document root, with slashes
 */
export function isAsset(path: string): boolean {
  if (hasHiddenSegment(`/${path}`) || isSource(path)) return false;
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  // RFC 8615 names have seldom an extension: /.well-known/apple-app-site-association.
  if (dot <= 0) return path.startsWith(".well-known/");
  return PUBLIC.has(name.slice(dot + 1).toLowerCase()) && !PRIVATE.some((pattern) => pattern.test(name));
}

/**
 * Whether a file may be published at all, if the application's author asks for it by name: any but sources and what is
 * hidden.
 */
export function mayBePublished(path: string): boolean {
  return !hasHiddenSegment(`/${path}`) && !isSource(path);
}

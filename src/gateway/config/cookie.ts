// A cookie of a request, for `$cookie_name`.

/**
 * The value of the first cookie of that name, or with a star at the end of the first one whose name begins so. Names are
 * compared without regard to case, as in nginx.
 *
 * @param header the Cookie header @param name such as "session" or "wordpress_logged_in_*"
 */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  const begins = name.endsWith("*");
  const wanted = (begins ? name.slice(0, -1) : name).toLowerCase();
  for (const pair of header?.split(";") ?? []) {
    const equals = pair.indexOf("=");
    if (equals === -1) continue;
    const found = pair.slice(0, equals).trim().toLowerCase();
    if (begins ? found.startsWith(wanted) : found === wanted) return pair.slice(equals + 1).trim();
  }
  return undefined;
}

// Which content coding a visitor gets (RFC 9110, section 12.5.3).

/** Codings that we make, the better one first. */
export type Coding = "br" | "gzip";

/**
 * The coding to send, of those that are `offered`; `undefined` for none. Of codings that the visitor likes as much the
 * first one offered is taken.
 */
export function chooseCoding(header: string | null, offered: readonly Coding[]): Coding | undefined {
  if (header === null || header === "") return undefined;
  const qualities = new Map<string, number>();
  for (const part of header.toLowerCase().split(",")) {
    const [name = "", ...parameters] = part.split(";");
    const quality = parameters
      .map((parameter) => /^\s*q=([01](?:\.[0-9]{0,3})?)\s*$/.exec(parameter)?.[1])
      .find(Boolean);
    const malformed = quality === undefined && parameters.length > 0;
    qualities.set(name.trim(), malformed ? 0 : Math.min(1, Number(quality ?? 1)));
  }
  const identity = qualities.get("identity") ?? 0;
  let best: Coding | undefined;
  let bestQuality = 0;
  for (const coding of offered) {
    const alias = coding === "gzip" ? qualities.get("x-gzip") : undefined;
    const quality = qualities.get(coding) ?? alias ?? qualities.get("*") ?? 0;
    if (quality > bestQuality) {
      best = coding;
      bestQuality = quality;
    }
  }
  return bestQuality >= identity ? best : undefined;
}

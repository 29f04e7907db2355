// What a snapshot belongs to, in one short text.

/** Changes whenever a snapshot of a release before would be read wrongly. */
const REVISION = 3;

/** Everything that goes into an interpreter before its first visitor. */
export interface SnapshotParts {
  /** The build of PHP: name and version of its package, or a hash of its files. */
  readonly build: string;
  /** Text of php.ini, as the interpreter reads it. */
  readonly ini: string;
  /** Names and times, or a hash, of the application's files. */
  readonly application: string;
  /** What else counts: directories that are mounted, URLs of the warm-up. */
  readonly others?: unknown;
}

/** The key of a snapshot: equal parts give equal keys. The environment is not part of it: each child gets its own. */
export async function snapshotKey(parts: SnapshotParts): Promise<string> {
  const text = JSON.stringify([REVISION, parts.build, parts.ini, parts.application, parts.others ?? null]);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0"))
    .join("")
    .slice(0, 32);
}

// Where the files of a location are: below its root, or with `alias` in another folder for the paths it is for.

import type { ResolvedLocation } from "../config/resolved.ts";
import type { FileSource } from "../files.ts";

/** A folder's files, and the folder as the application sees it. */
export interface RouteResources {
  /**
   * The files of a folder.
   *
   * @param root as `root` or `alias` of the configuration say it. Asked often: it is for the callee to keep what it made
   */
  files(root: string, options: { readonly followSymlinks: boolean }): FileSource;
  /** The folder for DOCUMENT_ROOT and SCRIPT_FILENAME, a byte string. Default: `root`'s bytes. */
  folder?(root: string): string;
}

/** A path as a folder and a path in it. */
export interface Place {
  readonly root: string;
  /** Begins with a slash. */
  readonly path: string;
}

/** Where the file of a path is; `undefined` when `alias` has no place for it. */
export function placeOf(location: ResolvedLocation, path: string): Place | undefined {
  const { alias, match } = location;
  if (alias === undefined) return { root: location.root, path };
  if (match.type === "exact") {
    if (path !== match.path) return { root: location.root, path };
    const slash = alias.lastIndexOf("/");
    return { root: alias.slice(0, slash) || "/", path: alias.slice(slash) };
  }
  if (match.type !== "prefix" || !path.startsWith(match.path)) return { root: location.root, path };
  const rest = path.slice(match.path.length);
  if (match.path.endsWith("/"))
    return { root: alias.endsWith("/") && alias !== "/" ? alias.slice(0, -1) : alias, path: `/${rest}` };
  // `/files` is no beginning of `/files../secret`.
  return rest === "" || rest.startsWith("/") ? { root: alias, path: rest === "" ? "/" : rest } : undefined;
}

/** The files of a location by the visitors' paths. */
export function filesOf(location: ResolvedLocation, resources: RouteResources): FileSource {
  const options = { followSymlinks: location.followSymlinks };
  if (location.alias === undefined) return resources.files(location.root, options);
  return {
    find(path) {
      const place = placeOf(location, path);
      return place === undefined ? undefined : resources.files(place.root, options).find(place.path);
    },
  };
}

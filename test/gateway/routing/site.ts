// Routing without a gateway: a configuration, files by name, and what a path comes to.

import type { GatewayConfig } from "../../../src/gateway/config/config.ts";
import type { Entry, FileSource } from "../../../src/gateway/files.ts";
import { compileConfig, type RouteRequest, requestVariables, route } from "../../../src/gateway/routing/index.ts";

/** Files by name; a name that ends in a slash is a folder, and so is what a name lies in. */
export function filesNamed(names: readonly string[]): FileSource {
  const file: Entry = { type: "file", size: 1, modified: 0, read: async () => new Uint8Array(1) };
  const folders = new Set(["/"]);
  for (const name of names) {
    for (let at = name.indexOf("/", 1); at !== -1; at = name.indexOf("/", at + 1)) folders.add(name.slice(0, at));
  }
  return {
    find(path) {
      if (names.includes(path) && !path.endsWith("/")) return file;
      const folder = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
      return folders.has(folder) ? { type: "directory" } : undefined;
    },
  };
}

/** Files of each root. */
export type Tree = Readonly<Record<string, readonly string[]>>;

export function routerOf(config: GatewayConfig, tree: Tree | readonly string[]) {
  const roots: Tree = Array.isArray(tree) ? { "/www": tree } : (tree as Tree);
  const gateway = compileConfig(config, { root: "/www" });
  const resources = { files: (root: string) => filesNamed(roots[root] ?? []) };
  const go = (uri: string, more: Partial<RouteRequest> & { readonly headers?: [string, string][] } = {}) => {
    const [path = "", query = ""] = uri.split("?");
    const { headers = [], ...rest } = more;
    const variables = requestVariables({
      method: "GET",
      requestUri: uri,
      headers,
      host: rest.host ?? "example.test",
      scheme: "http",
      remoteAddress: "192.0.2.1",
    });
    return route(
      gateway,
      { host: "example.test", path, query, remoteAddress: "192.0.2.1", variables, ...rest },
      resources,
    );
  };
  /** A decision in a line. */
  const tell = async (uri: string, more?: Parameters<typeof go>[1]): Promise<string> => {
    const { decision, query } = await go(uri, more);
    switch (decision.type) {
      case "script": {
        const { scriptFilename, scriptName, pathInfo } = decision.script;
        return `run ${scriptFilename} as ${scriptName} + ${pathInfo} ? ${query}`;
      }
      case "file":
        return `send ${decision.path}`;
      case "redirect":
        return `${decision.status} ${decision.location}`;
      case "answer":
        return `${decision.status} ${decision.body}`;
      default:
        return String(decision.status);
    }
  };
  return { gateway, go, tell };
}

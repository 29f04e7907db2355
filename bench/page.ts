// One request after the other on a kept connection. Node's own `fetch` would add most of what is measured.

import { Agent, get } from "node:http";

export interface Page {
  readonly status: number;
  /** From the question to the end of the answer. */
  readonly milliseconds: number;
  readonly body: Buffer;
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

export function page(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Page> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    get(url, { agent, headers: { "accept-encoding": "identity", ...headers } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const milliseconds = performance.now() - began;
        resolve({ status: response.statusCode ?? 0, milliseconds, body: Buffer.concat(chunks) });
      });
    }).on("error", reject);
  });
}

/** Milliseconds that an answer takes, whatever it is. */
export async function timed(url: string): Promise<number> {
  return (await page(url)).milliseconds;
}

// A real php-fpm to compare with: requests in, answers as they stood on the wire.

import { parseAddress } from "../../src/transport/address.ts";
import { connectExchange } from "../../src/transport/connect-exchange.ts";
import { connectAddress } from "../../src/transport/node/connect.ts";
import { addressUrl, type FastCgiAddress } from "../peers/address.ts";

/** Runs one request and returns STDOUT and STDERR, as byte strings. */
export async function ask(
  address: FastCgiAddress,
  params: Readonly<Record<string, string>>,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const exchange = connectExchange(connectAddress(parseAddress(addressUrl(address))));
  const output = { stdout: "", stderr: "" };
  const add = (stream: "stdout" | "stderr") => (chunk: Uint8Array) => {
    output[stream] += Buffer.from(chunk).toString("latin1");
  };
  const request = {
    role: "responder" as const,
    params: Object.entries({ REQUEST_METHOD: "GET", SCRIPT_FILENAME: "/nowhere", ...params }),
  };
  await exchange(request, { stdout: add("stdout"), stderr: add("stderr") }, AbortSignal.timeout(20_000));
  exchange.close();
  return output;
}

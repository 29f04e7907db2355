// `edge-fpm request`: one request to a FastCGI application from the command line, as cgi-fcgi does.

import { connectExchange } from "../transport/connect-exchange.ts";
import { connectAddress } from "../transport/node/connect.ts";
import { addressOption } from "./address.ts";
import type { Arguments, Command } from "./command.ts";
import { CliError } from "./failure.ts";
import { paramsOf, readBody, requestOptions } from "./request-params.ts";
import { stopWhenNobodyReads } from "./standard-output.ts";
import { note } from "./terminal.ts";

export const request: Command = {
  name: "request",
  usage: "<address> <script> [options]",
  summary: "Send one request to a FastCGI application (php-fpm, ours, any other) and print the answer",
  options: {
    ...requestOptions,
    data: { ...requestOptions.data, short: "d" },
    include: { type: "boolean", short: "i", help: "print the header block too" },
    timeout: { type: "string", value: "<seconds>", help: "longest wait for the whole answer (60)" },
  },
  examples: [
    "edge-fpm request 127.0.0.1:9000 /var/www/index.php -q name=Ada",
    "edge-fpm request unix:/run/php/php8.2-fpm.sock ./form.php -d a=1 -i",
    "edge-fpm request 127.0.0.1:9000 /status -p SCRIPT_NAME=/status -q full",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [address, script, ...more] = args.positionals;
  if (address === undefined || script === undefined || more.length > 0) {
    throw new CliError("Needs an address and a script.", { exitCode: 2, hint: "See: edge-fpm request --help" });
  }
  const seconds = args.integer("timeout", 1, 86_400) ?? 60;
  stopWhenNobodyReads();
  const body = await readBody(args.text("data"));
  const exchange = connectExchange(connectAddress(addressOption(address)), {
    keepConnection: false,
    // One limit for everything: --timeout.
    connectTimeout: 0,
    readTimeout: 0,
  });
  const output = answerPrinter(args.flag("include"));
  try {
    const end = await exchange(
      { role: "responder", params: [...paramsOf(args, script, body)], ...(body === undefined ? {} : { stdin: body }) },
      output,
      AbortSignal.timeout(seconds * 1000),
    );
    output.finish();
    if (end.protocolStatus !== "request-complete") {
      note(`edge-fpm: the application refused the request (protocol status: ${end.protocolStatus}).`);
      return 1;
    }
    return Math.min(end.applicationStatus, 255);
  } catch (error) {
    if (error instanceof DOMException && error.name === "TimeoutError") {
      throw new CliError(`No whole answer from ${address} within ${seconds} s.`, {
        hint: "--timeout allows more.",
        cause: error,
      });
    }
    throw error;
  }
}

/** Bytes in which a header block must end; twice what our gateway takes. */
const MOST_HEADER = 64 * 1024;

/** Writes STDOUT of the application, with or without its header block, and STDERR beside it. */
function answerPrinter(include: boolean) {
  // The header block is held back until its end has come; an answer without one is printed whole, a long one at once.
  let held: Buffer | undefined = include ? undefined : Buffer.alloc(0);
  return {
    stdout(chunk: Uint8Array) {
      if (held === undefined) return print(process.stdout, chunk);
      held = Buffer.concat([held, chunk]);
      const end = /\r?\n\r?\n/.exec(held.toString("latin1"));
      if (end === null && held.length <= MOST_HEADER) return undefined;
      const rest = end === null ? held : held.subarray(end.index + end[0].length);
      held = undefined;
      return print(process.stdout, rest);
    },
    stderr: (chunk: Uint8Array) => print(process.stderr, chunk),
    finish() {
      if (held !== undefined && held.length > 0) process.stdout.write(held);
    },
  };
}

function print(stream: NodeJS.WriteStream, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(Uint8Array.from(chunk), (error) => (error ? reject(error) : resolve()));
  });
}

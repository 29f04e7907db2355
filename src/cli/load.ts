// `edge-fpm bench`: load on a FastCGI application, and how it bears it.

import { connectAddress } from "../transport/node/connect.ts";
import { addressOption } from "./address.ts";
import { coloursFor, isTerminal } from "./colours.ts";
import type { Arguments, Command } from "./command.ts";
import { CliError } from "./failure.ts";
import { type LoadFigures, newFigures, runLoad } from "./load-run.ts";
import { paramsOf, readBody, requestOptions } from "./request-params.ts";
import { note } from "./terminal.ts";

/** How often the live line is drawn, in milliseconds. */
const LIVE_INTERVAL = 200;

/** The percentiles told. */
const PERCENTILES = [0.5, 0.9, 0.99, 0.999] as const;

export const bench: Command = {
  name: "bench",
  usage: "<address> --script <path> [options]",
  summary: "Put load on a FastCGI application: latency percentiles, throughput, errors by kind",
  options: {
    script: {
      type: "string",
      short: "s",
      value: "<path>",
      help: "the script to run, as a path of the application's machine",
    },
    concurrency: { type: "string", short: "c", value: "<n>", help: "requests at a time (8)" },
    requests: { type: "string", short: "n", value: "<n>", help: "how many requests (1000, or any with --duration)" },
    duration: { type: "string", short: "d", value: "<seconds>", help: "how long" },
    keep: { type: "boolean", short: "k", help: "keep connections (a connection a request)" },
    timeout: { type: "string", value: "<seconds>", help: "longest silence of the application (30)" },
    json: { type: "boolean", help: "print the figures as JSON; times in milliseconds" },
    ...requestOptions,
  },
  examples: [
    "edge-fpm bench 127.0.0.1:9000 --script /var/www/index.php",
    "edge-fpm bench unix:/run/php/php8.2-fpm.sock -s /var/www/index.php -c 32 -d 30 --keep",
    "edge-fpm bench :9000 -s /var/www/form.php --data a=1 -n 5000 --json",
  ],
  notes: [
    "Each kept connection pins a child of a php-fpm: stay below its pm.max_children with --keep.",
    "Ends with 0 when every request was answered, 1 when some failed, 2 on a wrong option, 130 on Ctrl-C.",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [address, ...more] = args.positionals;
  const script = args.text("script");
  if (address === undefined || script === undefined || more.length > 0) {
    throw new CliError("Needs an address and --script.", { exitCode: 2, hint: "See: edge-fpm bench --help" });
  }
  const connect = connectAddress(addressOption(address));
  const seconds = args.integer("duration", 1, 86_400);
  const requests =
    args.integer("requests", 1, 1_000_000_000) ?? (seconds === undefined ? 1000 : Number.POSITIVE_INFINITY);
  const stdin = await readBody(args.text("data"));
  const options = {
    connect,
    params: [...paramsOf(args, script, stdin)],
    stdin,
    concurrency: args.integer("concurrency", 1, 10_000) ?? 8,
    requests,
    duration: seconds === undefined ? Number.POSITIVE_INFINITY : seconds * 1000,
    keep: args.flag("keep"),
    timeout: (args.integer("timeout", 1, 86_400) ?? 30) * 1000,
  };

  const stopped = new AbortController();
  const stop = () => stopped.abort();
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  const figures = newFigures();
  const live = isTerminal(process.stderr) ? setInterval(() => drawLive(figures), LIVE_INTERVAL) : undefined;
  try {
    await runLoad(options, figures, stopped.signal);
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
    clearInterval(live);
    if (live !== undefined) process.stderr.write("\r\u001b[K");
  }
  process.stdout.write(args.flag("json") ? `${JSON.stringify(figuresJson(figures), null, 2)}\n` : figuresText(figures));
  if (stopped.signal.aborted) {
    note("Stopped before its end.");
    return 130;
  }
  return total(figures.errors) > 0 || figures.latencies.count === 0 ? 1 : 0;
}

function drawLive(figures: LoadFigures): void {
  const { latencies, errors } = figures;
  const { dim, red } = coloursFor(process.stderr);
  const failed = total(errors);
  const line = [
    `${((performance.now() - figures.started) / 1000).toFixed(1)} s`,
    `${latencies.count} requests`,
    `${rate(figures).toFixed(0)}/s`,
    `p50 ${duration(latencies.percentile(0.5))}`,
    `p99 ${duration(latencies.percentile(0.99))}`,
    failed === 0 ? dim("no errors") : red(`${failed} errors`),
  ].join("  ");
  process.stderr.write(`\r\u001b[K${line}`);
}

function elapsed(figures: LoadFigures): number {
  return ((figures.ended ?? performance.now()) - figures.started) / 1000;
}

function rate(figures: LoadFigures): number {
  return figures.latencies.count / Math.max(elapsed(figures), 0.001);
}

function figuresText(figures: LoadFigures): string {
  const { latencies, statuses, errors } = figures;
  const { bold, red, dim } = coloursFor(process.stdout);
  const megabytes = figures.bytes / 1024 / 1024;
  const lines = [
    `${bold(String(latencies.count))} requests in ${elapsed(figures).toFixed(2)} s: ${bold(`${rate(figures).toFixed(1)} a second`)}, ` +
      `${megabytes.toFixed(2)} MB of answers`,
    "",
    `${dim("latency")}  min ${duration(latencies.min)}  mean ${duration(latencies.mean)}  max ${duration(latencies.max)}`,
    ...PERCENTILES.map((share) => `${`p${share * 100}`.padStart(7)}  ${duration(latencies.percentile(share))}`),
    "",
    ...[...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `status ${status}: ${count}`),
    ...[...errors].map(([kind, count]) => red(`${kind}: ${count}`)),
  ];
  if (figures.stderrBytes > 0) lines.push(`STDERR: ${figures.stderrBytes} bytes`);
  return `${lines.join("\n")}\n`;
}

function figuresJson(figures: LoadFigures): object {
  const { latencies } = figures;
  return {
    requests: latencies.count,
    seconds: elapsed(figures),
    requestsPerSecond: rate(figures),
    bytes: figures.bytes,
    stderrBytes: figures.stderrBytes,
    latency: {
      min: latencies.min,
      mean: latencies.mean,
      ...Object.fromEntries(PERCENTILES.map((share) => [`p${share * 100}`, latencies.percentile(share)])),
      max: latencies.max,
    },
    statuses: Object.fromEntries(figures.statuses),
    errors: Object.fromEntries(figures.errors),
  };
}

function total(counts: ReadonlyMap<unknown, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

function duration(milliseconds: number): string {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(2)} s`;
  return milliseconds >= 1 ? `${milliseconds.toFixed(2)} ms` : `${(milliseconds * 1000).toFixed(0)} us`;
}

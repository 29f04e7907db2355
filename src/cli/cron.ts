// `edge-fpm cron`: what a configuration's schedule will run and when, and a run of one job now.

import { realpathSync } from "node:fs";
import { type CronJob, type CronOutcome, readSchedule, runCronJob } from "../cron/index.ts";
import { findMasters, masterOf, runJobAt } from "../platform/node/master-socket.ts";
import { connectExchange } from "../transport/connect-exchange.ts";
import { connectAddress } from "../transport/node/connect.ts";
import { addressOption } from "./address.ts";
import type { Arguments, Command } from "./command.ts";
import { loadConfig } from "./config.ts";
import { startPools } from "./config-pools.ts";
import { startUpstream } from "./config-upstreams.ts";
import { CliError, messageOf } from "./failure.ts";
import { nearest } from "./nearest.ts";
import { poolOptions } from "./pool.ts";
import { type PlannedServer, planServer } from "./serve-config.ts";
import { note } from "./terminal.ts";
import { version } from "./version.ts";

export const cron: Command = {
  name: "cron",
  usage: "[run <job>] [options]",
  summary: "List the jobs of a configuration's schedule with their next times, or run one now",
  options: {
    config: {
      type: "string",
      value: "<file>",
      help: "the configuration (./edge-fpm.config.ts or .js)",
    },
    upstream: {
      type: "string",
      value: "<address>",
      help: "run the job in the pool there, tcp://host:port or unix:/path",
    },
    times: { type: "string", value: "<n>", help: "next times shown for each job (3)" },
    ...poolOptions,
  },
  examples: [
    "edge-fpm cron                                      # what will run, and when",
    "edge-fpm cron run wp-cron.php                      # now",
    "edge-fpm cron run wp-cron.php --upstream unix:/run/php/php8.2-fpm.sock",
  ],
  notes: [
    "`edge-fpm serve` runs the schedule itself; at the edge the pool's object does.",
    "A run is made in the pools of the `edge-fpm serve` that runs with the configuration, so that its locks hold against visitors;",
    "without one, and with options of a pool, in a pool of its own.",
    "Exit status of a run: 0 when it went well, 1 when it failed or was ended by its timeout.",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [action, name, ...more] = args.positionals;
  if ((action !== undefined && action !== "run") || more.length > 0 || (action === "run" && name === undefined)) {
    throw new CliError(`Not understood: cron ${args.positionals.join(" ")}.`, {
      exitCode: 2,
      hint: "See: edge-fpm cron --help",
    });
  }
  const file = await loadConfig(args.text("config"), ".", []);
  if (file === undefined) {
    throw new CliError("There is no configuration, and so no schedule.", {
      exitCode: 2,
      hint: "--config names one; `cron` in it lists the jobs.",
    });
  }
  const plan = planServer(args, file);
  if (plan.jobs.length === 0) {
    throw new CliError(`${file.path} has no schedule.`, {
      exitCode: 2,
      hint: 'Write: cron: [{ schedule: "*/5 * * * *", script: "/cron.php" }]',
    });
  }
  if (name === undefined) {
    const times = args.integer("times", 1, 1000) ?? 3;
    for (const job of plan.jobs) process.stdout.write(description(job, Date.now(), times));
    return 0;
  }
  const job = plan.jobs.find((one) => one.name === name);
  if (job === undefined) {
    const names = plan.jobs.map((one) => one.name);
    const meant = nearest(name, names);
    throw new CliError(`There is no job ${name}.`, {
      exitCode: 2,
      hint: meant === undefined ? `Jobs: ${names.join(", ")}` : `Did you mean ${meant}?`,
    });
  }
  const began = performance.now();
  const outcome = (await runAtServer(args, plan, job)) ?? (await runNow(args, plan, job));
  if (outcome.output !== "") process.stdout.write(`${outcome.output}\n`);
  const status = outcome.status === undefined ? "" : `, status ${outcome.status}`;
  note(`${job.name}: ${outcome.result}${status}, ${Math.round(performance.now() - began)} ms`);
  return outcome.result === "ok" ? 0 : 1;
}

function description(job: CronJob, now: number, count: number): string {
  const schedule = readSchedule(job.schedule, job.timezone);
  const lines = [`${job.name}  ${job.schedule}  ${job.timezone}`, `  ${job.serverName}${job.script}`];
  let time: number | undefined = now;
  for (let i = 0; i < count && time !== undefined; i++) {
    time = schedule.next(time);
    if (time !== undefined) lines.push(`  ${new Date(time).toISOString().replace(".000Z", "Z")}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Has the server that runs with the configuration do it: there, locks hold between the job and visitors. */
async function runAtServer(args: Arguments, plan: PlannedServer, job: CronJob): Promise<CronOutcome | undefined> {
  if (args.has("upstream")) return undefined;
  const masters = await findMasters();
  const file = realpathSync(plan.file);
  const server = masters.find(({ config }) => config === file);
  const beside =
    server ??
    masterOf(
      masters,
      plan.roots.map((root) => realpathSync(root)),
    );
  if (beside === undefined) return undefined;
  const own = Object.keys(poolOptions).filter((name) => !IN_ANY_POOL.has(name) && args.has(name));
  if (server !== undefined && own.length === 0) {
    const outcome = await runJobAt(server, job.name).catch((error: unknown) => {
      throw new CliError(`${messageOf(error)}.`, { cause: error });
    });
    if (outcome !== undefined) return outcome;
  }
  const why =
    server === undefined
      ? "has another configuration"
      : own.length > 0
        ? `has not the options ${own.map((name) => `--${name}`).join(", ")}`
        : "began before the job was written down";
  note(
    `Warning: process ${beside.pid} serves this site and ${why}. The job runs in a pool of its own, and neither sees the other's ` +
      "locks: if both write to one SQLite database, writes can be lost. Let the server run the job, or stop it first.",
  );
  return undefined;
}

/** Options of a pool that say nothing of how scripts run. */
const IN_ANY_POOL: ReadonlySet<string> = new Set(["data", "verbose", "children", "pm"]);

async function runNow(args: Arguments, plan: PlannedServer, job: CronJob): Promise<CronOutcome> {
  const runner = { software: `edge-fpm/${version()}` };
  const address = args.text("upstream");
  if (address !== undefined) {
    const exchange = connectExchange(connectAddress(addressOption(address)), {});
    try {
      return await runCronJob(job, exchange, runner);
    } finally {
      exchange.close();
    }
  }
  const [only, ...more] = Object.keys(plan.pools);
  const name = job.application ?? (more.length === 0 ? only : undefined);
  const pool = name === undefined ? undefined : plan.pools[name];
  if (name === undefined) {
    throw new CliError(`${job.name} names no application: pass says which.`, { exitCode: 2 });
  }
  if (pool === undefined) {
    const upstream = startUpstream(name, plan.config.upstreams?.[name] ?? { servers: [name] }, 0);
    try {
      return await runCronJob(job, upstream.upstream.exchange, runner);
    } finally {
      upstream.close();
    }
  }
  const { php, ini, env } = pool;
  const alone = {
    pm: "static" as const,
    maxChildren: 1,
    ...(php === undefined ? {} : { php }),
    ...(ini === undefined ? {} : { ini }),
    ...(env === undefined ? {} : { env }),
  };
  const pools = await startPools(args, { [name]: alone }, plan.roots, plan.config.mail);
  try {
    const exchange = pools.jobs.get(name);
    if (exchange === undefined) throw new CliError(`The pool ${name} was not started.`);
    return await runCronJob(job, exchange, runner);
  } finally {
    await pools.terminate();
  }
}

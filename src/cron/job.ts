// A job: a script of a site, when it runs, and for how long it may.

/** One job, with everything worked out. Plain data. */
export interface CronJob {
  /** Unlike the others'. */
  readonly name: string;
  /** A cron expression: see `readSchedule`. */
  readonly schedule: string;
  /** Of the tz database. */
  readonly timezone: string;
  /** Milliseconds after which a run is ended. */
  readonly timeout: number;
  /** Path of the script below the document root, with its query if it has one: "/wp-cron.php?doing_wp_cron". */
  readonly script: string;
  readonly documentRoot: string;
  /** SERVER_NAME, and the Host header. */
  readonly serverName: string;
  readonly scheme: "http" | "https";
  /** Name of the pool or upstream; absent: the only one there is. */
  readonly application?: string;
}

/** How a run went. */
export interface CronOutcome {
  /** `failed`: the script could not be run, broke off or gave an error status. `timeout`: it was ended. */
  readonly result: "ok" | "failed" | "timeout";
  /** The response's status, if there was one. */
  readonly status?: number;
  /** The first lines of output and errors. */
  readonly output: string;
}

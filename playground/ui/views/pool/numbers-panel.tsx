// The process manager's mode and numbers. They come into force as they are moved; those that make no sense together are
// explained and not sent.

import type { PoolConfig } from "../../../engine/index.ts";
import { Icon } from "../../components/icon.tsx";
import { Slider } from "../../components/slider.tsx";
import { checkedNumbers, fitNumbers, numbers, resetNumbers, setNumbers } from "../../state/pool-numbers.ts";

const MODES = [
  { pm: "static", about: "As many children as pm.max_children, always." },
  { pm: "dynamic", about: "Some idle children in reserve, between min_spare_servers and max_spare_servers." },
  { pm: "ondemand", about: "None until a request comes; idle ones leave after process_idle_timeout." },
] as const;

type NumberName = { [Key in keyof PoolConfig]: PoolConfig[Key] extends number ? Key : never }[keyof PoolConfig];

interface Row {
  readonly key: NumberName;
  readonly directive: string;
  readonly min: number;
  readonly max: number;
  readonly step?: number;
  readonly text?: (value: number) => string;
  readonly hint: string;
  /** Modes in which it counts. Default: all. */
  readonly modes?: readonly PoolConfig["pm"][];
}

const seconds = (value: number) => (value === 0 ? "off" : `${value / 1000} s`);

const ROWS: readonly Row[] = [
  { key: "maxChildren", directive: "pm.max_children", min: 1, max: 10, hint: "Most children at a time" },
  {
    key: "startServers",
    directive: "pm.start_servers",
    min: 1,
    max: 10,
    hint: "Children at the start and after a reload",
    modes: ["dynamic"],
  },
  {
    key: "minSpareServers",
    directive: "pm.min_spare_servers",
    min: 1,
    max: 10,
    hint: "Fewest idle children",
    modes: ["dynamic"],
  },
  {
    key: "maxSpareServers",
    directive: "pm.max_spare_servers",
    min: 1,
    max: 10,
    hint: "Most idle children: others leave, one a second",
    modes: ["dynamic"],
  },
  {
    key: "processIdleTimeout",
    directive: "pm.process_idle_timeout",
    min: 1000,
    max: 30_000,
    step: 1000,
    text: seconds,
    hint: "How long a child may be idle",
    modes: ["ondemand"],
  },
  {
    key: "maxRequests",
    directive: "pm.max_requests",
    min: 0,
    max: 100,
    text: (value) => (value === 0 ? "off" : String(value)),
    hint: "Requests after which a child is replaced",
  },
  { key: "listenBacklog", directive: "listen.backlog", min: 1, max: 128, hint: "Most requests that wait for a child" },
  {
    key: "requestTerminateTimeout",
    directive: "request_terminate_timeout",
    min: 0,
    max: 30_000,
    step: 1000,
    text: seconds,
    hint: "Longest time for one request; then its child is killed",
  },
];

export function NumbersPanel() {
  const { config, problems } = checkedNumbers.value;
  const known = new Set<string>(ROWS.map(({ key }) => key));
  return (
    <section class="panel" aria-label="Process manager">
      <div class="panel-head">
        <h2>Process manager</h2>
        <div class="end">
          {Object.keys(numbers.value).length > 0 && (
            <button type="button" class="button quiet small" onClick={() => void resetNumbers()}>
              <Icon name="refresh" />
              As it was
            </button>
          )}
        </div>
      </div>
      <div class="panel-body stack">
        <Mode pm={config.pm} />
        <div class="slider-list">
          {ROWS.filter(({ modes }) => modes === undefined || modes.includes(config.pm)).map((row) => (
            <Slider
              key={row.key}
              name={row.directive}
              min={row.min}
              max={row.max}
              {...(row.step !== undefined && { step: row.step })}
              value={config[row.key]}
              {...(row.text !== undefined && { text: row.text(config[row.key]) })}
              hint={row.hint}
              problem={problems.find(({ key }) => key === row.key)?.allowed}
              onChange={(value) => void setNumbers({ [row.key]: value })}
            />
          ))}
        </div>
        {problems.length > 0 && (
          <div class="problems" role="alert">
            <p>
              <strong>Not in force.</strong> php-fpm would not start with these numbers:
            </p>
            <ul>
              {problems.map(({ directive, value, allowed, key }) => (
                <li key={directive}>
                  <code>
                    {directive} = {String(value)}
                  </code>
                  {known.has(key) ? `: allowed is ${allowed}` : ` ${allowed}`}
                </li>
              ))}
            </ul>
            <button type="button" class="button small" onClick={() => void fitNumbers()}>
              Make them fit
            </button>
          </div>
        )}
      </div>
    </section>
  );
}

function Mode({ pm }: { readonly pm: PoolConfig["pm"] }) {
  return (
    <div class="stack-s">
      <fieldset class="segments">
        <legend class="visually-hidden">pm</legend>
        {MODES.map((mode) => (
          <label key={mode.pm}>
            <input
              type="radio"
              name="pm"
              value={mode.pm}
              checked={pm === mode.pm}
              onChange={() => void setNumbers({ pm: mode.pm })}
            />
            <span>{mode.pm}</span>
          </label>
        ))}
      </fieldset>
      <p class="hint">{MODES.find((mode) => mode.pm === pm)?.about}</p>
    </div>
  );
}

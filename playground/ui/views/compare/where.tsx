// Where the time of a request goes, with the reasons.

import { cgi, type Figures, fastcgi } from "./compare.ts";
import { milliseconds } from "./milliseconds.ts";

/** Both medians as bars of one scale, split into start and run. */
export function Where() {
  const most = Math.max(cgi.value?.total ?? 0, fastcgi.value?.total ?? 0);
  return (
    <section class="panel where" aria-label="Where the time goes">
      <div class="panel-head">
        <h2>Where the time goes</h2>
        <ul class="legend">
          <li data-kind="start">starting the interpreter</li>
          <li data-kind="run">running the request</li>
        </ul>
      </div>
      <div class="panel-body stack">
        <Bar name="CGI" figures={cgi.value} most={most} />
        <Bar name="FastCGI" figures={fastcgi.value} most={most} />
        <div class="explain">
          <p>
            Here a CGI request starts a Worker, instantiates PHP in it, lets PHP read its settings and register some
            thousand functions and classes, runs the script, and ends all of it. A server does the same with fork, exec
            and the dynamic linker; opcache and connections to databases are lost each time too.
          </p>
          <p>
            With FastCGI the interpreter has done that once. A request is a few records on a connection: params in,
            output back, and the child waits for the next one. The compiled script is still in its memory.
          </p>
          <p class="hint">
            The module is compiled before both: a real CGI program is in the disk's cache too. Slower scripts make the
            ratio smaller: what they cost themselves, both pay.
          </p>
        </div>
      </div>
    </section>
  );
}

function Bar({
  name,
  figures,
  most,
}: {
  readonly name: string;
  readonly figures: Figures | undefined;
  readonly most: number;
}) {
  const share = (value: number) => (most === 0 ? 0 : (value / most) * 100);
  return (
    <div class="bar-row">
      <span class="bar-name">{name}</span>
      <span class="bar" aria-hidden="true">
        {figures !== undefined && (
          <>
            <span data-kind="start" style={{ width: `${share(figures.start)}%` }} />
            <span data-kind="run" style={{ width: `max(${figures.run > 0 ? 2 : 0}px, ${share(figures.run)}%)` }} />
          </>
        )}
      </span>
      <span class="bar-says">
        {figures === undefined
          ? "not measured yet"
          : figures.start > 0
            ? `${milliseconds(figures.start)} start + ${milliseconds(figures.run)} run`
            : `${milliseconds(figures.run)} run`}
      </span>
    </div>
  );
}

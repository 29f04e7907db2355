// Every sample of a comparison as a table.

import { samples } from "./compare.ts";
import { milliseconds } from "./milliseconds.ts";

export function Samples() {
  const all = samples.value;
  if (all.length === 0) return null;
  return (
    <details class="panel samples">
      <summary>All {all.length} samples</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reached by the keyboard. */}
      <section class="samples-table" tabIndex={0} aria-label="Samples">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Kind</th>
              <th scope="col" class="number">
                Request
              </th>
              <th scope="col" class="number">
                Status
              </th>
              <th scope="col" class="number">
                Start
              </th>
              <th scope="col" class="number">
                Run
              </th>
              <th scope="col" class="number">
                Total
              </th>
            </tr>
          </thead>
          <tbody>
            {all.map(({ kind, index, status, start, run, total }) => (
              <tr key={`${kind} ${index}`}>
                <th scope="row">
                  <span class="kind" data-kind={kind}>
                    {kind === "cgi" ? "CGI" : "FastCGI"}
                  </span>
                </th>
                <td class="number">{index + 1}</td>
                <td class="number">{status}</td>
                <td class="number">{kind === "cgi" ? milliseconds(start) : "-"}</td>
                <td class="number">{milliseconds(run)}</td>
                <td class="number">{milliseconds(total)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}

// The frame of the page: header, the view of the address, the pool in one line.

import type { ComponentType } from "preact";
import { Header } from "./components/header.tsx";
import { lazyView } from "./components/lazy-view.tsx";
import { LinkField } from "./components/link-field.tsx";
import { PoolStrip } from "./components/pool-strip.tsx";
import { failure } from "./state/engine.ts";
import { type ViewName, view } from "./state/route.ts";
import { tourOpen } from "./views/tour/state.ts";
import { WorkbenchView } from "./views/workbench/workbench-view.tsx";

const COMPONENTS: Readonly<Record<ViewName, ComponentType>> = {
  workbench: WorkbenchView,
  multiplex: lazyView(async () => (await import("./views/multiplex/multiplex-view.tsx")).MultiplexView),
  break: lazyView(async () => (await import("./views/break/break-view.tsx")).BreakView),
  pool: lazyView(async () => (await import("./views/pool/pool-view.tsx")).PoolView),
  compare: lazyView(async () => (await import("./views/compare/compare-view.tsx")).CompareView),
  site: lazyView(async () => (await import("./views/site/site-view.tsx")).SiteView),
  setups: lazyView(async () => (await import("./views/setups/setups-view.tsx")).SetupsView),
  captures: lazyView(async () => (await import("./views/captures/captures-view.tsx")).CapturesView),
};

const Tour = lazyView(async () => (await import("./views/tour/tour.tsx")).Tour);

export function App() {
  const View = COMPONENTS[view.value];
  return (
    <div class="app" data-tour={tourOpen.value}>
      <Header />
      <main class="view" id="main" tabIndex={-1}>
        {failure.value !== undefined && (
          <p class="failure" role="alert">
            The engine stopped: {failure.value}.{" "}
            <button type="button" class="button small" onClick={() => location.reload()}>
              Load the page again
            </button>
          </p>
        )}
        <View />
      </main>
      {tourOpen.value && <Tour />}
      <PoolStrip />
      <LinkField />
    </div>
  );
}

// The application's pages in a frame. Its links and forms are ordinary ones: the service worker brings each request here.

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Icon } from "../../components/icon.tsx";
import { php } from "../../state/engine.ts";
import { generation } from "./application.ts";

/** What the pages may do: not lead this page elsewhere. */
const SANDBOX = "allow-same-origin allow-scripts allow-forms allow-modals allow-popups allow-downloads";

export function Preview({ path }: { readonly path: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const address = useSignal(path);
  const loading = useSignal(true);
  const inside = () => frame.current?.contentWindow;
  const open = (to: string) => {
    loading.value = true;
    // From the application's folder on: nothing outside of it is its own.
    const url = new URL(to, location.origin + path);
    inside()?.location.assign(url.pathname.startsWith(path) ? url.href : path);
  };
  return (
    <section class="panel preview" aria-label="The application's pages">
      <form
        class="address"
        onSubmit={(event) => {
          event.preventDefault();
          open(address.value);
        }}
      >
        <button type="button" class="button quiet" title="Back" onClick={() => inside()?.history.back()}>
          <Icon name="arrow-left" />
          <span class="visually-hidden">Back</span>
        </button>
        <button
          type="button"
          class="button quiet"
          title="Load this page again"
          onClick={() => {
            loading.value = true;
            inside()?.location.reload();
          }}
        >
          <Icon name="refresh" />
          <span class="visually-hidden">Load this page again</span>
        </button>
        <input
          class="input mono"
          aria-label="Address"
          spellcheck={false}
          value={address.value}
          onInput={(event) => {
            address.value = event.currentTarget.value;
          }}
        />
        <button type="submit" class="button">
          Go
        </button>
      </form>
      <iframe
        key={generation.value}
        ref={frame}
        title="Application"
        sandbox={SANDBOX}
        src={path}
        onLoad={() => {
          loading.value = false;
          const now = inside()?.location;
          if (now !== undefined && now.protocol !== "about:") address.value = now.pathname + now.search + now.hash;
        }}
      />
      <p class="hint" role="status">
        {loading.value && php.value.stage !== "ready" ? "PHP starts ..." : ""}
      </p>
    </section>
  );
}

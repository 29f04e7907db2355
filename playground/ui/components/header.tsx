// Name, views, and what is for the page as a whole.

import { useEffect, useRef } from "preact/hooks";
import { hrefOf, VIEWS, view } from "../state/route.ts";
import { copied, copyPermalink } from "../state/share.ts";
import { nextTheme, theme } from "../state/theme.ts";
import { closeTour, openTour, tourOpen } from "../views/tour/state.ts";
import { useFadedEnds } from "./faded-ends.ts";
import { Icon } from "./icon.tsx";

const THEME_ICON = { system: "circle-half", light: "sun", dark: "moon" } as const;

export function Header() {
  const tabs = useRef<HTMLDivElement>(null);
  useFadedEnds(tabs);
  const shown = view.value;
  // On a narrow screen the tabs scroll.
  useEffect(() => {
    tabs.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [shown]);
  return (
    <header class="top">
      <a class="brand" href={hrefOf("workbench")}>
        <Icon name="brand" />
        edge-fpm
      </a>
      <nav aria-label="Views">
        <div class="tabs" ref={tabs}>
          {VIEWS.map(({ name, title, summary }) => (
            <a
              key={name}
              class="tab"
              href={hrefOf(name)}
              title={summary}
              aria-current={shown === name ? "page" : undefined}
            >
              {title}
            </a>
          ))}
        </div>
      </nav>
      <div class="end">
        <button
          type="button"
          class="button quiet tour-button"
          aria-expanded={tourOpen.value}
          onClick={() => (tourOpen.value ? closeTour() : openTour())}
        >
          <Icon name="compass" />
          Tour
        </button>
        <button
          type="button"
          class="button quiet"
          onClick={() => void copyPermalink()}
          title="Copy a link to all of this"
        >
          <Icon name={copied.value ? "check" : "link"} />
          <span class="visually-hidden">{copied.value ? "Link copied" : "Copy a link to this page as it is"}</span>
        </button>
        <button type="button" class="button quiet" onClick={nextTheme} title={`Theme: ${theme.value}`}>
          <Icon name={THEME_ICON[theme.value]} />
          <span class="visually-hidden">Theme: {theme.value}. Change it</span>
        </button>
      </div>
    </header>
  );
}

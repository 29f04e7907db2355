// Tabs for the keyboard too: one stop for Tab, arrows between them, the chosen one always in view.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { useFadedEnds } from "./faded-ends.ts";

interface TabsProps<Name extends string> {
  /** What the tabs choose between, for those who do not see them. */
  readonly label: string;
  /** Ids begin with it: `answer-tab-raw` is a tab, `answer-part` the panel of all. */
  readonly id: string;
  readonly tabs: readonly { readonly name: Name; readonly title: ComponentChildren }[];
  readonly selected: Name;
  readonly onSelect: (name: Name) => void;
  /** Arrows move the focus alone, and Enter chooses: for tabs that do more than show something. */
  readonly manual?: boolean;
}

export function Tabs<Name extends string>({ label, id, tabs, selected, onSelect, manual = false }: TabsProps<Name>) {
  const list = useRef<HTMLDivElement>(null);
  useFadedEnds(list);
  useLayoutEffect(() => {
    const tab = list.current?.querySelector<HTMLElement>('[aria-selected="true"]');
    if (list.current !== null && tab !== null && tab !== undefined) showWithin(list.current, tab);
  }, [selected, tabs.length]);

  const onKeyDown = (event: KeyboardEvent & { currentTarget: HTMLDivElement }) => {
    const all = [...event.currentTarget.querySelectorAll<HTMLElement>('[role="tab"]')];
    const to = next(event.key, all.indexOf(event.target as HTMLElement), all.length);
    if (to === undefined) return;
    event.preventDefault();
    all[to]?.focus();
    const name = tabs[to]?.name;
    if (!manual && name !== undefined) onSelect(name);
  };

  const stop = tabs.some(({ name }) => name === selected) ? selected : tabs[0]?.name;
  return (
    <div class="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={onKeyDown}>
      {tabs.map(({ name, title }) => (
        <button
          key={name}
          type="button"
          role="tab"
          class="tab"
          id={`${id}-tab-${name}`}
          aria-controls={`${id}-part`}
          aria-selected={name === selected}
          tabIndex={name === stop ? 0 : -1}
          onClick={() => onSelect(name)}
        >
          {title}
        </button>
      ))}
    </div>
  );
}

/** Which tab a key leads to: around at both ends. */
function next(key: string, at: number, count: number): number | undefined {
  switch (key) {
    case "ArrowRight":
      return (at + 1) % count;
    case "ArrowLeft":
      return (at + count - 1) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return undefined;
  }
}

/** Scrolls the list alone: `scrollIntoView` would move the page as well. */
function showWithin(list: HTMLElement, tab: HTMLElement): void {
  const box = list.getBoundingClientRect();
  const own = tab.getBoundingClientRect();
  list.scrollLeft += own.left + own.width / 2 - (box.left + box.width / 2);
}

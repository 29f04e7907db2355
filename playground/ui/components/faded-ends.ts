// A line that scrolls sideways fades out where it goes on.

import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

/** Pixels that may be hidden without being missed. */
const SLACK = 2;

/** Sets `data-before` and `data-after` on the element while it has more at that end; base.css draws them. */
export function useFadedEnds(ref: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const mark = () => {
      const { scrollLeft, scrollWidth, clientWidth } = element;
      element.toggleAttribute("data-before", scrollLeft > SLACK);
      element.toggleAttribute("data-after", scrollLeft + clientWidth < scrollWidth - SLACK);
    };
    const sizes = new ResizeObserver(mark);
    sizes.observe(element);
    const contents = new MutationObserver(mark);
    contents.observe(element, { childList: true, subtree: true, characterData: true });
    element.addEventListener("scroll", mark, { passive: true });
    mark();
    return () => {
      sizes.disconnect();
      contents.disconnect();
      element.removeEventListener("scroll", mark);
    };
  }, [ref]);
}

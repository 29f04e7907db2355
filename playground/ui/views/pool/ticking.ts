// Drawing again and again while a drawing can be seen.

import { useEffect } from "preact/hooks";

/** Milliseconds between two drawings. */
const STEP = 100;
/** For visitors who asked for less motion. */
const CALM_STEP = 1000;

/** Calls `draw` at once and then about ten times a second, while the page is visible. */
export function useTicking(draw: () => void, inputs: readonly unknown[]): void {
  useEffect(() => {
    const step = matchMedia("(prefers-reduced-motion: reduce)").matches ? CALM_STEP : STEP;
    let frame = 0;
    let last = 0;
    const tick = (now: number) => {
      frame = requestAnimationFrame(tick);
      if (now - last < step) return;
      last = now;
      draw();
    };
    frame = requestAnimationFrame(tick);
    return () => cancelAnimationFrame(frame);
  }, inputs);
}

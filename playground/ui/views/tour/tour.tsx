// The guided tour: a drawer beside the page. It never covers what it talks about, and can be left at any time.

import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../../components/icon.tsx";
import { view } from "../../state/route.ts";
import { Markdown } from "./markdown.tsx";
import { closeTour, tourStep } from "./state.ts";
import { STEPS, showView, type TourAction } from "./steps.ts";
import { TOUR_TEXTS, type TourText } from "./text.ts";
import "./tour.css";

/** The action that runs, of whichever step. */
const running = signal<TourAction | undefined>(undefined);

/** Shows a step, and brings its view. */
function choose(id: string): void {
  tourStep.value = id;
  const step = STEPS[id];
  if (step !== undefined) showView(step);
}

export function Tour() {
  const index = Math.max(
    0,
    TOUR_TEXTS.findIndex(({ id }) => id === tourStep.value),
  );
  const text = TOUR_TEXTS[index] as TourText;
  const step = STEPS[text.id];
  const heading = useRef<HTMLHeadingElement>(null);

  useEffect(() => {
    // Opened without a step: from the beginning. With one, the view is the address's.
    if (tourStep.peek() !== text.id) choose(text.id);
    heading.current?.focus();
  }, [text.id]);

  const turn = (by: number) => {
    const next = TOUR_TEXTS[index + by];
    if (next !== undefined) choose(next.id);
  };
  return (
    <aside
      class="tour"
      aria-label="Guided tour"
      onKeyDown={(event) => {
        if (event.key === "Escape") closeTour();
      }}
    >
      <header class="tour-head">
        <Progress index={index} />
        <button type="button" class="button quiet small" onClick={closeTour}>
          <Icon name="close" />
          <span class="visually-hidden">Leave the tour</span>
        </button>
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reached by the keyboard. */}
      <section class="tour-body" tabIndex={0} aria-labelledby="tour-title">
        <p class="tour-number">
          {index + 1} of {TOUR_TEXTS.length}
        </p>
        <h2 id="tour-title" ref={heading} tabIndex={-1}>
          {text.title}
        </h2>
        <div class="tour-text">
          <Markdown text={text.text} />
        </div>
        {step !== undefined && <Tasks key={text.id} task={text.task} actions={step.actions} />}
        {step !== undefined && view.value !== step.view && (
          <p class="hint">
            You have gone elsewhere.{" "}
            <button
              type="button"
              class="button small"
              onClick={() => {
                showView(step);
                // The button goes: the focus must not go with it.
                heading.current?.focus();
              }}
            >
              Back to this step
            </button>
          </p>
        )}
      </section>
      <footer class="tour-foot">
        <button type="button" class="button" disabled={index === 0} onClick={() => turn(-1)}>
          <Icon name="arrow-left" />
          Back
        </button>
        {index < TOUR_TEXTS.length - 1 ? (
          <button type="button" class="button primary" onClick={() => turn(1)}>
            Next
            <Icon name="arrow-right" />
          </button>
        ) : (
          <button type="button" class="button primary" onClick={closeTour}>
            <Icon name="check" />
            Go on alone
          </button>
        )}
      </footer>
    </aside>
  );
}

function Progress({ index }: { readonly index: number }) {
  return (
    <nav class="tour-progress" aria-label="Steps of the tour">
      {TOUR_TEXTS.map(({ id, title }, place) => (
        <button
          key={id}
          type="button"
          title={title}
          data-past={place < index}
          aria-current={place === index ? "step" : undefined}
          onClick={() => choose(id)}
        >
          <span class="visually-hidden">{title}</span>
        </button>
      ))}
    </nav>
  );
}

function Tasks({ task, actions }: { readonly task: string; readonly actions: readonly TourAction[] }) {
  const outcome = useSignal<{ readonly text: string; readonly failed: boolean } | undefined>(undefined);
  const run = async (action: TourAction) => {
    if (running.peek() !== undefined) return;
    running.value = action;
    outcome.value = undefined;
    try {
      outcome.value = { text: await action.run(), failed: false };
    } catch (error) {
      outcome.value = { text: error instanceof Error ? error.message : String(error), failed: true };
    } finally {
      running.value = undefined;
    }
  };
  return (
    <div class="tour-task">
      <p>{task}</p>
      <div class="tour-actions">
        {actions.map((action) => (
          <button
            key={action.title}
            type="button"
            class="button"
            disabled={running.value !== undefined}
            data-running={running.value === action}
            onClick={() => void run(action)}
          >
            <Icon name="play" />
            {action.title}
          </button>
        ))}
      </div>
      <p class="tour-outcome" role="status" data-failed={outcome.value?.failed}>
        {running.value !== undefined ? "Running: watch the page." : outcome.value?.text}
      </p>
    </div>
  );
}

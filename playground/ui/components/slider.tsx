// A number with its name, its value and a slider.

export interface SliderProps {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly step?: number;
  readonly value: number;
  /** What is shown for the value. Default: the number. */
  readonly text?: string;
  readonly hint?: string;
  readonly problem?: string | undefined;
  readonly disabled?: boolean;
  readonly onChange: (value: number) => void;
}

export function Slider({ name, min, max, step = 1, value, text, hint, problem, disabled, onChange }: SliderProps) {
  const id = `slider-${name.replaceAll(/[^a-z]+/gi, "-")}`;
  return (
    <div class="slider" data-problem={problem !== undefined}>
      <label for={id} title={hint}>
        {name}
      </label>
      <output for={id}>{text ?? value.toLocaleString("en")}</output>
      <input
        id={id}
        type="range"
        min={min}
        max={Math.max(max, value)}
        step={step}
        value={value}
        disabled={disabled}
        aria-valuetext={text}
        aria-invalid={problem !== undefined}
        aria-describedby={problem === undefined ? undefined : `${id}-problem`}
        onInput={(event) => onChange(event.currentTarget.valueAsNumber)}
      />
      {problem !== undefined && (
        <p class="slider-problem" id={`${id}-problem`}>
          {problem}
        </p>
      )}
    </div>
  );
}

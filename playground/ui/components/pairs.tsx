// A list of names and values that can be edited: headers, fields, params.

import { Icon } from "./icon.tsx";

interface PairsProps {
  /** What a pair is called. */
  readonly name: string;
  readonly pairs: readonly (readonly [string, string])[];
  readonly onChange: (pairs: readonly (readonly [string, string])[]) => void;
}

export function Pairs({ name, pairs, onChange }: PairsProps) {
  const set = (index: number, pair: readonly [string, string]) =>
    onChange(pairs.map((old, i) => (i === index ? pair : old)));
  return (
    <div class="pairs">
      {pairs.map(([key, value], index) => (
        <div class="pair" key={index}>
          <input
            class="input mono"
            aria-label={`Name of ${name} ${index + 1}`}
            placeholder="Name"
            value={key}
            onInput={(event) => set(index, [event.currentTarget.value, value])}
          />
          <input
            class="input mono"
            aria-label={`Value of ${name} ${index + 1}`}
            placeholder="value"
            value={value}
            onInput={(event) => set(index, [key, event.currentTarget.value])}
          />
          <button
            type="button"
            class="button quiet small"
            onClick={() => onChange(pairs.filter((_, i) => i !== index))}
          >
            <Icon name="close" />
            <span class="visually-hidden">
              Remove {name} {index + 1}
            </span>
          </button>
        </div>
      ))}
      <button type="button" class="button quiet small" onClick={() => onChange([...pairs, ["", ""]])}>
        <Icon name="plus" />
        Add a {name}
      </button>
    </div>
  );
}

// One choice of a few, with a title.

interface SegmentsProps<Value extends string> {
  readonly title: string;
  readonly options: readonly (readonly [Value, string])[];
  readonly value: Value;
  readonly onChange: (value: Value) => void;
}

export function Segments<Value extends string>({ title, options, value, onChange }: SegmentsProps<Value>) {
  return (
    <fieldset class="segments titled">
      <legend>{title}</legend>
      <div class="segments">
        {options.map(([option, text]) => (
          <label key={option}>
            <input
              type="radio"
              name={`setup-${title}`}
              value={option}
              checked={value === option}
              onChange={() => onChange(option)}
            />
            <span>{text}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

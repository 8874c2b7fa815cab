/** One end of a span of days, in UTC as everything here. */
export function DayField(props: {
  readonly label: string;
  readonly end: "start" | "end";
  readonly value: number | undefined;
  readonly onChange: (at: number | undefined) => void;
}) {
  const { label, end, value, onChange } = props;
  return (
    <label className="flex items-center gap-2 text-sm text-soft">
      {label}
      <input
        type="date"
        className="field"
        title="A day in UTC"
        value={value === undefined ? "" : new Date(value).toISOString().slice(0, 10)}
        onChange={(event) => {
          const day = event.currentTarget.valueAsNumber;
          onChange(Number.isNaN(day) ? undefined : end === "start" ? day : day + dayMs - 1);
        }}
      />
    </label>
  );
}

const dayMs = 86_400_000;

/** Why somebody does something: asked wherever it cannot be done without. */
export function ReasonField(props: {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly disabled?: boolean;
}) {
  const { value, onChange, disabled = false } = props;
  return (
    <label className="flex flex-col gap-1 text-sm font-medium">
      Reason
      <input
        className="field font-normal"
        required
        maxLength={1000}
        disabled={disabled}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    </label>
  );
}

import { useMemo, useState } from "react";
import { lineDiff, withoutFarLines, type DiffLine, type Skipped } from "../../parts/line-diff.ts";
import { count, counted } from "../../parts/number-words.ts";
import { visible } from "../../parts/visible-text.ts";

/** What changes from one text to another, line by line: a sign and a word for each, not the colour alone. */
export function DiffLines({
  before,
  after,
  label,
}: {
  readonly before: string;
  readonly after: string;
  readonly label: string;
}) {
  const lines = useMemo(() => lineDiff(before, after), [before, after]);
  const shown = useMemo(() => withoutFarLines(lines), [lines]);
  const [whole, setWhole] = useState(false);
  const come = lines.filter(({ is }) => is === "new").length;
  const gone = lines.filter(({ is }) => is === "gone").length;
  if (come + gone === 0) return <p className="text-sm text-soft">Not one line differs.</p>;
  return (
    <>
      <p className="mb-2 text-sm text-soft">
        {counted(come, "line")} added, {counted(gone, "line")} taken out.
      </p>
      <table aria-label={label} className="w-full border-collapse border font-mono text-xs">
        <thead className="sr-only">
          <tr>
            <th scope="col">Line before</th>
            <th scope="col">Line now</th>
            <th scope="col">Words</th>
          </tr>
        </thead>
        <tbody>
          {(whole ? shown : shown.slice(0, firstLines)).map((line, at) => (
            <Line key={at} line={line} />
          ))}
        </tbody>
      </table>
      {whole || shown.length <= firstLines ? undefined : (
        <button type="button" className="button mt-2" onClick={() => setWhole(true)}>
          Show all {count(shown.length)} lines
        </button>
      )}
    </>
  );
}

const firstLines = 200;

function Line({ line }: { readonly line: DiffLine | Skipped }) {
  if (line.is === "skipped")
    return (
      <tr className="bg-sunken text-soft">
        <td colSpan={3} className="px-3 py-0.5">
          {counted(line.lines, "equal line")}
        </td>
      </tr>
    );
  const { tone, sign, word } = looks[line.is];
  return (
    <tr data-tone={tone} className={tone === undefined ? "" : "bg-tone-wash"}>
      <Number at={"before" in line ? line.before : undefined} />
      <Number at={"after" in line ? line.after : undefined} />
      <td className="w-full px-2 whitespace-pre-wrap wrap-anywhere">
        <span aria-hidden="true" className="mr-2 inline-block w-2 font-semibold text-tone select-none">
          {sign}
        </span>
        {word === undefined ? undefined : <span className="sr-only">{word}: </span>}
        {visible(line.text)}
      </td>
    </tr>
  );
}

function Number({ at }: { readonly at: number | undefined }) {
  return <td className="px-2 text-right text-soft tabular-nums select-none">{at}</td>;
}

const looks = {
  same: { tone: undefined, sign: " ", word: undefined },
  new: { tone: "proven", sign: "+", word: "added" },
  gone: { tone: "refuted", sign: "−", word: "taken out" },
} as const;

import type { Answer } from "@provost/shared/protocol/api.ts";
import { CircleDot } from "lucide-react";
import { FindingBadge } from "./outcome-badge.tsx";
import { Time, useNow } from "./time.tsx";
import { span } from "./time-words.ts";
import { visible } from "./visible-text.ts";

export type Finding = Answer<"findings">["rows"][number];

/** A few findings, newest first, with what each says of itself. */
export function FindingLines({ rows }: { readonly rows: readonly Finding[] }) {
  return (
    <ul aria-label="Findings" className="flex flex-col divide-y divide-line">
      {rows.map((row) => (
        <li key={row.id} className="flex flex-col gap-x-4 gap-y-1 py-2 first:pt-0 last:pb-0 md:flex-row">
          <span className="shrink-0 md:w-32">
            <FindingBadge kind={row.kind} />
          </span>
          <span className="min-w-0 grow">
            <span className="line-clamp-3 text-sm wrap-anywhere" title={visible(row.says)}>
              {visible(row.says)}
            </span>
            <Known facts={row.facts} />
          </span>
          <span className="flex shrink-0 gap-2 text-xs text-soft md:w-40 md:flex-col md:items-end md:gap-0">
            <FindingState finding={row} />
            <Time at={row.at} brief />
          </span>
        </li>
      ))}
    </ul>
  );
}

function Known({ facts }: Pick<Finding, "facts">) {
  const known = Object.entries(facts);
  return known.length === 0 ? undefined : (
    <span className="line-clamp-2 text-xs text-soft wrap-anywhere">
      {known.map(([name, value]) => `${visible(name)}: ${visible(value)}`).join(" · ")}
    </span>
  );
}

/** Whether it still is, or how long it was. A device's own findings are moments. */
export function FindingState({ finding }: { readonly finding: Finding }) {
  const now = useNow();
  if (finding.open)
    return (
      <span data-tone="refuted" className="inline-flex items-center gap-1 font-semibold text-tone">
        <CircleDot size={13} aria-hidden="true" />
        Open for {span((now - finding.at) / 1000)}
      </span>
    );
  return finding.endedAt === undefined ? (
    <span className="text-soft">told once</span>
  ) : (
    <span className="text-soft">blind for {span((finding.endedAt - finding.at) / 1000)}</span>
  );
}

/** The sentence with its facts, for a title. */
export const sayings = ({ says, facts }: Finding): string =>
  [says, ...Object.entries(facts).map(([name, value]) => `${name}: ${value}`)].map(visible).join("\n");

import { levels } from "@provost/shared/model/detection.ts";
import { CircleCheck } from "lucide-react";
import { address } from "../../address.ts";
import { levelWords } from "../../parts/level-badge.tsx";
import { Figure } from "./figure.tsx";
import type { OverviewData } from "./overview-data.ts";

/** Incidents that nobody contained or closed yet, the worst first, each number the way to its part of the queue. */
export function IncidentLine({ openIncidents }: Pick<OverviewData, "openIncidents">) {
  const open = levels.toReversed().filter((level) => openIncidents[level] > 0);
  return (
    <section aria-label="Incidents" className="panel flex flex-wrap items-center gap-x-7 gap-y-2 px-5 py-3 text-sm">
      <h2 className="text-base font-semibold">
        Incidents <span className="text-xs font-normal text-soft">open now</span>
      </h2>
      {open.map((level) => (
        <Figure
          key={level}
          icon={levelWords[level].icon}
          value={openIncidents[level]}
          words={levelWords[level].word.toLowerCase()}
          tone={levelWords[level].tone}
          href={address.incidents({ state: ["open"], severity: [level] })}
        />
      ))}
      {open.length === 0 ? (
        <a
          href={address.incidents()}
          data-tone="proven"
          className="inline-flex items-center gap-1.5 rounded font-medium text-tone hover:underline"
        >
          <CircleCheck size={14} aria-hidden="true" />
          none
        </a>
      ) : undefined}
    </section>
  );
}

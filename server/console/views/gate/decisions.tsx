import { accesses, outcomes } from "@provost/shared/model/gate.ts";
import { Info } from "lucide-react";
import { useMemo, useState } from "react";
import { address } from "../../address.ts";
import { toggled } from "../../data/filter.ts";
import { decisionFields } from "../../data/list-filters.ts";
import { ChoiceMenu } from "../../parts/choice-menu.tsx";
import { accessWords, asker, reasonOf, Times, type Decision } from "../../parts/decision-lines.tsx";
import { Choices, FilterBar, FilterText, Narrowed } from "../../parts/filter-bar.tsx";
import { outcomeWords } from "../../parts/gate-words.ts";
import { News } from "../../parts/news.tsx";
import { counted } from "../../parts/number-words.ts";
import { OutcomeBadge, outcomeIcons } from "../../parts/outcome-badge.tsx";
import { ListTable } from "../../parts/list-table.tsx";
import { ListPage } from "../../parts/page.tsx";
import { Path } from "../../parts/path.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { useList, type ListState } from "../../parts/use-list.ts";
import { visible } from "../../parts/visible-text.ts";
import { DecisionDrawer } from "./decision-drawer.tsx";
import { GateTabs } from "./gate-tabs.tsx";

type State = ListState<"decisions", typeof decisionFields>;

/** What the gates decided, newest first. */
export function Decisions() {
  const list = useList("decisions", decisionFields, "decisions");
  const [open, setOpen] = useState<Decision>();
  const { filter, rows, total, change } = list;
  const columns = useMemo(() => columnsWith(setOpen), []);
  return (
    <ListPage
      title="Gate"
      actions={
        <div className="flex items-center gap-3">
          <News {...list.news} show={list.again} />
          <output className="text-sm text-soft tabular-nums">
            {total === undefined ? "" : counted(total, "decision")}
          </output>
        </div>
      }
    >
      <GateTabs />
      <Filters filter={filter} change={change} rows={rows} />
      <ListTable
        list={list}
        label="Decisions"
        columns={columns}
        keyOf={keyOf}
        tall
        sort={filter.sort ?? "-at"}
        onSort={(sort) => change({ sort: decisionFields.sort.read(sort) })}
        empty={
          <Empty title="No decision matches">
            Gates tell here what they stopped, and what they would have stopped.
          </Empty>
        }
      />
      {open === undefined ? undefined : <DecisionDrawer decision={open} onClose={() => setOpen(undefined)} />}
    </ListPage>
  );
}

function Filters({ filter, change, rows }: Pick<State, "filter" | "change" | "rows">) {
  const { device, digest } = filter;
  return (
    <FilterBar>
      <FilterText label="Path, reason, code or digest" value={filter.q ?? ""} onChange={(q) => change({ q })} />
      <Choices
        label="What came of it"
        choices={outcomeChoices}
        chosen={filter.outcome}
        onToggle={(value) => change({ outcome: toggled(filter.outcome, value) })}
      />
      <ChoiceMenu
        label="Use"
        choices={accessChoices}
        chosen={filter.access}
        onToggle={(value) => change({ access: toggled(filter.access, value) })}
      />
      {device === undefined ? undefined : (
        <Narrowed by="device" value={rows[0]?.deviceName ?? device} onClear={() => change({ device: undefined })} />
      )}
      {digest === undefined ? undefined : (
        <Narrowed by="digest" value={digest.slice(0, 16)} onClear={() => change({ digest: undefined })} />
      )}
    </FilterBar>
  );
}

const outcomeChoices = outcomes.map((value) => {
  const Icon = outcomeIcons[value];
  const { word, means, tone } = outcomeWords[value];
  const icon = (
    <span data-tone={tone} className="text-tone">
      <Icon size={14} strokeWidth={2.25} aria-hidden="true" />
    </span>
  );
  return { value, word, title: means, icon, ...(tone === undefined ? {} : { tone }) };
});
const accessChoices = accesses.map((value) => ({ value, word: accessWords[value] }));

const keyOf = (row: Decision): string => row.id;

const columnsWith = (open: (row: Decision) => void): readonly Column<Decision>[] => [
  {
    key: "path",
    title: "File and reason",
    width: "minmax(14rem,2fr)",
    cell: (row) => (
      <>
        <Path
          path={row.path}
          root={row.root}
          href={row.executable === undefined ? address.device(row.device) : address.executable(row.executable)}
          covers
        />
        <span className="block truncate text-xs text-soft" title={visible(row.why)}>
          {visible(row.why)}
        </span>
      </>
    ),
  },
  { key: "outcome", title: "Outcome", width: "7.5rem", cell: (row) => <OutcomeBadge outcome={row.outcome} /> },
  {
    key: "process",
    title: "Who",
    width: "minmax(9rem,1.3fr)",
    wideOnly: true,
    cell: (row) => (
      <>
        <span className="block truncate" title={visible(row.process.command ?? row.process.executable)}>
          {asker(row)}
        </span>
        <span className="block truncate text-xs text-soft">{reasonOf(row)}</span>
      </>
    ),
  },
  {
    key: "device",
    title: "Device",
    width: "minmax(5rem,0.5fr)",
    cell: (row) => <span className="block truncate text-soft max-md:max-w-24">{visible(row.deviceName)}</span>,
  },
  {
    key: "at",
    title: "When",
    width: "6rem",
    sort: "at",
    falling: true,
    right: true,
    cell: (row) => (
      <>
        <Times decision={row} /> <Time at={row.at} brief />
      </>
    ),
  },
  {
    key: "details",
    title: "Code",
    width: "5.75rem",
    right: true,
    wideOnly: true,
    cell: (row) => (
      <button
        type="button"
        className="button relative z-[1] h-7 px-2 font-mono text-xs"
        onClick={() => open(row)}
        aria-label={`All that is known of the decision with code ${row.code}`}
      >
        <Info size={13} aria-hidden="true" />
        {row.code}
      </button>
    ),
  },
];

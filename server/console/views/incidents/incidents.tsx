import { incidentStates, levels } from "@provost/shared/model/detection.ts";
import { address } from "../../address.ts";
import { toggled } from "../../data/filter.ts";
import { incidentFields } from "../../data/list-filters.ts";
import type { Row } from "../../data/queries.ts";
import { ChoiceMenu } from "../../parts/choice-menu.tsx";
import { Choices, FilterBar, FilterText, Narrowed } from "../../parts/filter-bar.tsx";
import { IncidentStateBadge, LevelBadge, levelWords, stateWords } from "../../parts/level-badge.tsx";
import { News } from "../../parts/news.tsx";
import { count, counted } from "../../parts/number-words.ts";
import { ListTable } from "../../parts/list-table.tsx";
import { ListPage } from "../../parts/page.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { useList } from "../../parts/use-list.ts";
import { visible } from "../../parts/visible-text.ts";

type IncidentRow = Row<"incidents">;

/** The queue: what happened on devices, each as one story, the newest first. */
export function Incidents() {
  const list = useList("incidents", incidentFields, "incidents");
  const { filter, rows, total, change } = list;
  return (
    <ListPage
      title="Incidents"
      actions={
        <div className="flex items-center gap-3">
          <News {...list.news} show={list.again} />
          <output className="text-sm text-soft tabular-nums">
            {total === undefined ? "" : counted(total, "incident")}
          </output>
        </div>
      }
    >
      <FilterBar>
        <FilterText
          label="Words of the sentence, or a device"
          value={filter.q ?? ""}
          onChange={(q) => change({ q: q || undefined })}
        />
        <Choices
          label="State"
          choices={stateChoices}
          chosen={filter.state}
          onToggle={(value) => change({ state: toggled(filter.state, value) })}
        />
        <ChoiceMenu
          label="Severity"
          choices={levelChoices}
          chosen={filter.severity}
          onToggle={(value) => change({ severity: toggled(filter.severity, value) })}
        />
        {filter.device === undefined ? undefined : (
          <Narrowed
            by="device"
            value={rows[0]?.deviceName ?? filter.device}
            onClear={() => change({ device: undefined })}
          />
        )}
      </FilterBar>
      <ListTable
        list={list}
        label="Incidents"
        columns={columns}
        keyOf={keyOf}
        tall
        sort={filter.sort ?? "-lastAt"}
        onSort={(sort) => change({ sort: incidentFields.sort.read(sort) })}
        empty={
          <Empty title="No incident matches">
            What rules recognise on devices is folded into incidents and told here.
          </Empty>
        }
      />
    </ListPage>
  );
}

const stateChoices = incidentStates.map((value) => ({
  value,
  word: stateWords[value].word,
  tone: stateWords[value].tone,
}));
const levelChoices = levels
  .toReversed()
  .map((value) => ({ value, word: levelWords[value].word, tone: levelWords[value].tone }));

const keyOf = (row: IncidentRow): string => row.id;

const columns: readonly Column<IncidentRow>[] = [
  {
    key: "sentence",
    title: "What happened",
    width: "minmax(14rem,3fr)",
    cell: (row) => (
      <>
        <a
          className="covers-row block truncate font-medium hover:underline"
          href={address.incident(row.id)}
          title={visible(row.sentence)}
        >
          {visible(row.sentence)}
        </a>
        <span className="block truncate text-xs text-soft">
          {visible(row.deviceName)}
          {row.elsewhere === 0 ? "" : ` and ${counted(row.elsewhere, "other")}`} · {counted(row.findings, "finding")}
          {row.techniques.length === 0 ? "" : ` · ${row.techniques.slice(0, 4).join(", ")}`}
        </span>
      </>
    ),
  },
  { key: "severity", title: "Severity", width: "6rem", cell: (row) => <LevelBadge level={row.severity} /> },
  { key: "state", title: "State", width: "6rem", cell: (row) => <IncidentStateBadge state={row.state} /> },
  {
    key: "elsewhere",
    title: "Elsewhere",
    width: "5.5rem",
    right: true,
    wideOnly: true,
    cell: (row) =>
      row.elsewhere === 0 ? (
        <span className="text-soft">nowhere</span>
      ) : (
        <span data-tone="unproven" className="font-medium text-tone">
          {counted(row.elsewhere, "device")}
        </span>
      ),
  },
  {
    key: "score",
    title: "Score",
    width: "4rem",
    sort: "score",
    falling: true,
    right: true,
    wideOnly: true,
    cell: (row) => <span className="tabular-nums">{count(Math.round(row.score))}</span>,
  },
  {
    key: "lastAt",
    title: "Last",
    width: "5.5rem",
    sort: "lastAt",
    falling: true,
    right: true,
    cell: (row) => <Time at={row.lastAt} brief />,
  },
];

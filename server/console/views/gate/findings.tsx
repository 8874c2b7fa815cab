import { findingKinds } from "@provost/shared/model/gate.ts";
import { address } from "../../address.ts";
import { toggled } from "../../data/filter.ts";
import { findingFields } from "../../data/list-filters.ts";
import type { Row } from "../../data/queries.ts";
import { ChoiceMenu } from "../../parts/choice-menu.tsx";
import { Choices, FilterBar, Narrowed } from "../../parts/filter-bar.tsx";
import { FindingState, sayings } from "../../parts/finding-lines.tsx";
import { findingWords } from "../../parts/gate-words.ts";
import { News } from "../../parts/news.tsx";
import { counted } from "../../parts/number-words.ts";
import { FindingBadge } from "../../parts/outcome-badge.tsx";
import { ListTable } from "../../parts/list-table.tsx";
import { ListPage } from "../../parts/page.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { useList } from "../../parts/use-list.ts";
import { visible } from "../../parts/visible-text.ts";
import { GateTabs } from "./gate-tabs.tsx";

type FindingRow = Row<"findings">;

/** What went wrong with the watch itself, on every device. */
export function Findings() {
  const list = useList("findings", findingFields, "findings");
  const { filter, rows, total, change } = list;
  return (
    <ListPage
      title="Gate"
      actions={
        <div className="flex items-center gap-3">
          <News {...list.news} show={list.again} />
          <output className="text-sm text-soft tabular-nums">
            {total === undefined ? "" : counted(total, "finding")}
          </output>
        </div>
      }
    >
      <GateTabs />
      <FilterBar>
        <Choices
          label="State"
          choices={openChoice}
          chosen={filter.open === true ? ["open"] : undefined}
          onToggle={() => change({ open: filter.open === true ? undefined : true })}
        />
        <ChoiceMenu
          label="Kind"
          choices={kindChoices}
          chosen={filter.kind}
          onToggle={(value) => change({ kind: toggled(filter.kind, value) })}
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
        label="Findings"
        columns={columns}
        keyOf={keyOf}
        tall
        sort={filter.sort ?? "-at"}
        onSort={(sort) => change({ sort: findingFields.sort.read(sort) })}
        empty={
          <Empty title="No finding matches">
            Devices that fall silent, tampering, lost events and missing parts are told here.
          </Empty>
        }
      />
    </ListPage>
  );
}

const openChoice = [{ value: "open", word: "Open now", tone: "refuted" }] as const;
const kindChoices = findingKinds.map((value) => ({
  value,
  word: findingWords[value].word,
  title: findingWords[value].means,
}));

const keyOf = (row: FindingRow): string => row.id;

const columns: readonly Column<FindingRow>[] = [
  {
    key: "says",
    title: "Device and finding",
    width: "minmax(14rem,2.4fr)",
    cell: (row) => (
      <>
        <a className="covers-row block truncate font-medium hover:underline" href={address.device(row.device)}>
          {visible(row.deviceName)}
        </a>
        <span className="block truncate text-xs text-soft" title={sayings(row)}>
          {visible(row.says)}
        </span>
      </>
    ),
  },
  { key: "kind", title: "Kind", width: "8.5rem", cell: (row) => <FindingBadge kind={row.kind} /> },
  {
    key: "state",
    title: "State",
    width: "minmax(9rem,0.8fr)",
    cell: (row) => <FindingState finding={row} />,
  },
  {
    key: "from",
    title: "Noticed by",
    width: "8rem",
    wideOnly: true,
    cell: (row) => <span className="text-soft">{row.from === "server" ? "this server" : "the device"}</span>,
  },
  {
    key: "at",
    title: "Since",
    width: "7rem",
    sort: "at",
    falling: true,
    right: true,
    cell: (row) => <Time at={row.at} brief />,
  },
];

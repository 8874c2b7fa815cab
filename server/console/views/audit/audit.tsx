import { auditKinds } from "@provost/shared/model/audit-kinds.ts";
import { useLocation, useRouter } from "@tanstack/react-router";
import { Download } from "lucide-react";
import { useState } from "react";
import { toggled } from "../../data/filter.ts";
import { auditFields } from "../../data/list-filters.ts";
import type { Row } from "../../data/queries.ts";
import { ChoiceMenu } from "../../parts/choice-menu.tsx";
import { FilterBar, FilterText } from "../../parts/filter-bar.tsx";
import { News } from "../../parts/news.tsx";
import { counted } from "../../parts/number-words.ts";
import { ListTable } from "../../parts/list-table.tsx";
import { ListPage } from "../../parts/page.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { useList } from "../../parts/use-list.ts";
import { visible } from "../../parts/visible-text.ts";
import { KindBadge, kindWords } from "./audit-words.tsx";
import { ChainState } from "./chain-state.tsx";
import { DayField } from "./day-field.tsx";
import { EntryDrawer } from "./entry-drawer.tsx";
import { ExportDialog } from "./export-dialog.tsx";

type AuditEntry = Row<"audit">;

/** Who did what at this server, the newest first, and whether all of it is still as it was written. */
export function Audit() {
  const list = useList("audit", auditFields, "audit");
  const { filter, rows, total, change } = list;
  const [exporting, setExporting] = useState(false);
  const { hash, pathname, searchStr } = useLocation();
  const { history } = useRouter();
  const open = rows.find(({ sequence }) => String(sequence) === hash);
  return (
    <ListPage
      title="Audit"
      actions={
        <div className="flex items-center gap-3">
          <News {...list.news} show={list.again} />
          <output className="text-sm text-soft tabular-nums">
            {total === undefined ? "" : counted(total, "entry", "entries")}
          </output>
          <button type="button" className="button" onClick={() => setExporting(true)}>
            <Download size={14} aria-hidden="true" />
            Export
          </button>
        </div>
      }
    >
      <ChainState />
      <FilterBar>
        <FilterText label="Words, name, order or digest" value={filter.q ?? ""} onChange={(q) => change({ q })} />
        <ChoiceMenu
          label="Kind"
          choices={kindChoices}
          chosen={filter.kind}
          onToggle={(value) => change({ kind: toggled(filter.kind, value) })}
        />
        <DayField label="From" end="start" value={filter.from} onChange={(from) => change({ from })} />
        <DayField label="To" end="end" value={filter.to} onChange={(to) => change({ to })} />
      </FilterBar>
      <ListTable
        list={list}
        label="Entries"
        columns={columns}
        keyOf={keyOf}
        tall
        sort={filter.sort ?? "-sequence"}
        onSort={(sort) => change({ sort: auditFields.sort.read(sort) })}
        empty={<Empty title="No entry matches">Whoever signs in, orders, answers or publishes is told of here.</Empty>}
      />
      {open === undefined ? undefined : (
        <EntryDrawer entry={open} onClose={() => history.replace(pathname + searchStr)} />
      )}
      {exporting ? <ExportDialog from={filter.from} to={filter.to} onClose={() => setExporting(false)} /> : undefined}
    </ListPage>
  );
}

const kindChoices = auditKinds.map((value) => ({
  value,
  word: kindWords[value].word,
  title: kindWords[value].means,
}));

const keyOf = (row: AuditEntry): string => String(row.sequence);

const columns: readonly Column<AuditEntry>[] = [
  {
    key: "says",
    title: "What",
    width: "minmax(16rem,3fr)",
    cell: (row) => (
      <>
        <a className="covers-row block truncate font-medium hover:underline" href={`#${row.sequence}`}>
          {visible(row.says)}
        </a>
        <span className="block truncate text-xs text-soft">{visible(row.facts["reason"] ?? factsLine(row))}</span>
      </>
    ),
  },
  { key: "kind", title: "Kind", width: "7rem", cell: (row) => <KindBadge kind={row.kind} /> },
  {
    key: "by",
    title: "By",
    width: "minmax(6rem,0.7fr)",
    cell: (row) => <span className="block truncate max-md:max-w-28">{visible(row.by)}</span>,
  },
  {
    key: "at",
    title: "When",
    width: "6.5rem",
    right: true,
    cell: (row) => <Time at={row.at} brief />,
  },
  {
    key: "sequence",
    title: "Number",
    width: "5.5rem",
    sort: "sequence",
    falling: true,
    right: true,
    wideOnly: true,
    cell: (row) => <span className="text-soft">{row.sequence}</span>,
  },
];

const factsLine = ({ facts }: AuditEntry): string =>
  Object.entries(facts)
    .map(([name, fact]) => `${name} ${fact}`)
    .join(", ");

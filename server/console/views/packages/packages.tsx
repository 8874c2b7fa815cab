import { ecosystemIds } from "@provost/shared/model/inventory.ts";
import { address } from "../../address.ts";
import { toggled } from "../../data/filter.ts";
import { packageFields, proofStates } from "../../data/list-filters.ts";
import type { Row } from "../../data/queries.ts";
import { Choices, FilterBar, FilterText, Narrowed } from "../../parts/filter-bar.tsx";
import { News } from "../../parts/news.tsx";
import { count, counted } from "../../parts/number-words.ts";
import { ListTable } from "../../parts/list-table.tsx";
import { ListPage } from "../../parts/page.tsx";
import { Bar } from "../../parts/standing-bar.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { useList } from "../../parts/use-list.ts";
import { visible } from "../../parts/visible-text.ts";
import { Proof, proofWords } from "./proof-state.tsx";

type PackageRow = Row<"packages">;

export function Packages() {
  const list = useList("packages", packageFields, "packages");
  const { filter, total, change } = list;
  return (
    <ListPage
      title="Packages"
      actions={
        <div className="flex items-center gap-3">
          <News {...list.news} show={list.again} />
          <output className="text-sm text-soft tabular-nums">
            {total === undefined ? "" : counted(total, "package")}
          </output>
        </div>
      }
    >
      <FilterBar>
        <FilterText label="Name or version" value={filter.q ?? ""} onChange={(q) => change({ q })} />
        <Choices
          label="Ecosystem"
          choices={ecosystemChoices}
          chosen={filter.ecosystem}
          onToggle={(value) => change({ ecosystem: toggled(filter.ecosystem, value) })}
        />
        <Choices
          label="Proof"
          choices={proofChoices}
          chosen={filter.proof}
          onToggle={(value) => change({ proof: toggled(filter.proof, value) })}
        />
        {filter.device === undefined ? undefined : (
          <Narrowed by="device" value={filter.device} onClear={() => change({ device: undefined })} />
        )}
      </FilterBar>
      <ListTable
        list={list}
        label="Packages"
        columns={columns}
        keyOf={keyOf}
        sort={filter.sort ?? "name"}
        onSort={(sort) => change({ sort: packageFields.sort.read(sort) })}
        empty={<Empty title="No package matches">Take a filter away, or wait for the first inventory.</Empty>}
      />
    </ListPage>
  );
}

const keyOf = (row: PackageRow): string => row.purl;

export const ecosystemWords = { deb: "Debian", npm: "npm", pypi: "PyPI" } as const;
const ecosystemChoices = ecosystemIds.map((value) => ({ value, word: ecosystemWords[value], tone: "signed" }));
const proofChoices = proofStates.map((value) => {
  const { word, means, tone, icon: Icon } = proofWords[value];
  const icon = (
    <span data-tone={tone} className="text-tone">
      <Icon size={14} strokeWidth={2.25} aria-hidden="true" />
    </span>
  );
  return { value, word, title: means, tone, icon };
});

const columns: readonly Column<PackageRow>[] = [
  {
    key: "name",
    title: "Package",
    width: "minmax(12rem,1.6fr)",
    sort: "name",
    cell: (row) => (
      <span className="flex min-w-0 items-baseline gap-2">
        <a className="covers-row truncate font-medium hover:underline" href={address.package(row.purl)}>
          {visible(row.name)}
        </a>
        <span className="truncate text-soft">{visible(row.version)}</span>
      </span>
    ),
  },
  { key: "proof", title: "Proof", width: "8rem", cell: (row) => <Proof state={row.proof} /> },
  { key: "ecosystem", title: "Ecosystem", width: "6rem", cell: (row) => ecosystemWords[row.ecosystem] },
  {
    key: "origin",
    title: "From",
    width: "minmax(9rem,1fr)",
    wideOnly: true,
    cell: (row) => <span className="text-soft">{visible(row.origin ?? "not stated")}</span>,
  },
  {
    key: "executables",
    title: "Files that can run",
    width: "minmax(9rem,0.9fr)",
    sort: "executables",
    falling: true,
    wideOnly: true,
    cell: (row) => (
      <span className="flex items-center gap-2.5">
        <span className="w-10 shrink-0 text-right tabular-nums">{count(row.executables.total)}</span>
        <Bar counts={row.executables} label={`Files of ${row.name} that can run`} />
      </span>
    ),
  },
  {
    key: "devices",
    title: "Devices",
    width: "5rem",
    sort: "devices",
    falling: true,
    right: true,
    cell: (row) => count(row.devices),
  },
];

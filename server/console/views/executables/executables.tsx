import { fileKinds } from "@provost/shared/model/inventory.ts";
import { bases } from "@provost/shared/model/verdict.ts";
import { toggled } from "../../data/filter.ts";
import { executableFields, type ExecutableFilter } from "../../data/list-filters.ts";
import { ChoiceMenu } from "../../parts/choice-menu.tsx";
import { Choices, FilterBar, FilterText, Narrowed } from "../../parts/filter-bar.tsx";
import { News } from "../../parts/news.tsx";
import { counted } from "../../parts/number-words.ts";
import { ListTable } from "../../parts/list-table.tsx";
import { ListPage } from "../../parts/page.tsx";
import { attentionOrder, basisWords, standingWords } from "../../parts/standing-words.ts";
import { Empty } from "../../parts/states.tsx";
import { useList, type ListState } from "../../parts/use-list.ts";
import { standingIcons } from "../../parts/verdict-badge.tsx";
import { executableColumns, keyOfExecutable, kindWords } from "./executable-columns.tsx";

type State = ListState<"executables", typeof executableFields>;

export function Executables() {
  const list = useList("executables", executableFields, "executables");
  const { filter, rows, total, change } = list;
  return (
    <ListPage
      title="Executables"
      actions={
        <div className="flex items-center gap-3">
          <News {...list.news} show={list.again} />
          <output className="text-sm text-soft tabular-nums">
            {total === undefined ? "" : counted(total, "file")}
          </output>
        </div>
      }
    >
      <Filters filter={filter} change={change} rows={rows} />
      <ListTable
        list={list}
        label="Executables"
        columns={executableColumns}
        keyOf={keyOfExecutable}
        sort={filter.sort ?? "-standing"}
        onSort={(sort) => change({ sort: executableFields.sort.read(sort) })}
        empty={<NoRows filter={filter} change={change} />}
      />
    </ListPage>
  );
}

function Filters({ filter, change, rows }: Pick<State, "filter" | "change" | "rows">) {
  return (
    <FilterBar>
      <FilterText label="Path, digest or package" value={filter.q ?? ""} onChange={(q) => change({ q })} />
      <Choices
        label="Standing"
        choices={standingChoices}
        chosen={filter.standing}
        onToggle={(value) => change({ standing: toggled(filter.standing, value) })}
      />
      <Choices
        label="Running"
        choices={runningChoice}
        chosen={filter.running === true ? ["running"] : undefined}
        onToggle={() => change({ running: filter.running === true ? undefined : true })}
      />
      <ChoiceMenu
        label="Kind"
        choices={kindChoices}
        chosen={filter.kind}
        onToggle={(value) => change({ kind: toggled(filter.kind, value) })}
      />
      <ChoiceMenu
        label="Basis"
        choices={basisChoices}
        chosen={filter.basis}
        onToggle={(value) => change({ basis: toggled(filter.basis, value) })}
      />
      <ChosenElsewhere filter={filter} change={change} rows={rows} />
    </FilterBar>
  );
}

function ChosenElsewhere({ filter, change, rows }: Pick<State, "filter" | "change" | "rows">) {
  const { device, package: purl, digest } = filter;
  return (
    <>
      {device === undefined ? undefined : (
        <Narrowed by="device" value={rows[0]?.deviceName ?? device} onClear={() => change({ device: undefined })} />
      )}
      {purl === undefined ? undefined : (
        <Narrowed by="package" value={purl} onClear={() => change({ package: undefined })} />
      )}
      {digest === undefined ? undefined : (
        <Narrowed by="digest" value={digest.slice(0, 16)} onClear={() => change({ digest: undefined })} />
      )}
    </>
  );
}

function NoRows({ filter, change }: Pick<State, "filter" | "change">) {
  const narrowed = Object.keys(filter).some((name) => name !== "sort");
  if (!narrowed)
    return <Empty title="No executable yet">They appear here while the first scan of a device is running.</Empty>;
  return (
    <Empty title="Nothing matches these filters">
      <button type="button" className="button mt-2" onClick={() => change(nothing)}>
        Take all filters away
      </button>
    </Empty>
  );
}

const nothing: { readonly [K in keyof ExecutableFilter]: undefined } = {
  q: undefined,
  standing: undefined,
  basis: undefined,
  kind: undefined,
  running: undefined,
  device: undefined,
  package: undefined,
  digest: undefined,
};

const standingChoices = attentionOrder.map((value) => {
  const Icon = standingIcons[value];
  const icon = (
    <span data-tone={value} className="text-tone">
      <Icon size={14} strokeWidth={2.25} aria-hidden="true" />
    </span>
  );
  return { value, word: standingWords[value].word, title: standingWords[value].means, tone: value, icon };
});
const runningChoice = [{ value: "running", word: "Running now", tone: "signed" }] as const;
const kindChoices = fileKinds.map((value) => ({ value, word: kindWords[value] }));
const basisChoices = bases.map((value) => ({ value, word: basisWords[value].word, title: basisWords[value].means }));

import { useQuery } from "@tanstack/react-query";
import { CircleCheck, CircleX, Hourglass, Info, Stamp } from "lucide-react";
import { useMemo, useState } from "react";
import { address } from "../../address.ts";
import { requestFields } from "../../data/list-filters.ts";
import { sessionQuery, type Row } from "../../data/queries.ts";
import { QuietBadge, type BadgeWords } from "../../parts/badge.tsx";
import { Choices, FilterBar, FilterText, Narrowed } from "../../parts/filter-bar.tsx";
import { News } from "../../parts/news.tsx";
import { counted } from "../../parts/number-words.ts";
import { ListTable } from "../../parts/list-table.tsx";
import { ListPage } from "../../parts/page.tsx";
import { Path } from "../../parts/path.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { useList } from "../../parts/use-list.ts";
import { VerdictBadge } from "../../parts/verdict-badge.tsx";
import { visible } from "../../parts/visible-text.ts";
import { GateTabs } from "../gate/gate-tabs.tsx";
import { RequestDialog } from "./request-dialog.tsx";

type RequestRow = Row<"requests">;

/** What people at devices ask to be allowed: answered here, once each, with a reason. */
export function Approvals() {
  const list = useList("requests", requestFields, "requests");
  const { filter, rows, total, change } = list;
  const role = useQuery(sessionQuery).data?.role;
  const [open, setOpen] = useState<RequestRow>();
  const columns = useMemo(() => columnsWith(setOpen, role !== undefined && role !== "auditor"), [role]);
  return (
    <ListPage
      title="Gate"
      actions={
        <div className="flex items-center gap-3">
          <News {...list.news} show={list.again} />
          <output className="text-sm text-soft tabular-nums">
            {total === undefined ? "" : counted(total, "request")}
          </output>
        </div>
      }
    >
      <GateTabs />
      <FilterBar>
        <FilterText label="Path, person, reason or code" value={filter.q ?? ""} onChange={(q) => change({ q })} />
        <Choices
          label="State"
          choices={waitingChoice}
          chosen={filter.waiting === true ? ["waiting"] : undefined}
          onToggle={() => change({ waiting: filter.waiting === true ? undefined : true })}
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
        label="Requests"
        columns={columns}
        keyOf={keyOf}
        tall
        sort={filter.sort ?? "-at"}
        onSort={(sort) => change({ sort: requestFields.sort.read(sort) })}
        empty={
          <Empty title="No request matches">
            Whoever is stopped may ask with <code>provost request</code>; it is told here.
          </Empty>
        }
      />
      {open === undefined ? undefined : (
        <RequestDialog
          request={open}
          role={role ?? "auditor"}
          onClose={() => setOpen(undefined)}
          onDecided={list.again}
        />
      )}
    </ListPage>
  );
}

const waitingChoice = [{ value: "waiting", word: "Waiting", tone: "unproven" }] as const;

const keyOf = (row: RequestRow): string => row.id;

const columnsWith = (open: (row: RequestRow) => void, decides: boolean): readonly Column<RequestRow>[] => [
  {
    key: "path",
    title: "File and reason",
    width: "minmax(12rem,2fr)",
    cell: (row) => (
      <>
        <Path
          path={row.path}
          root={row.root}
          href={row.executable === undefined ? address.device(row.device) : address.executable(row.executable)}
          covers
        />
        <span className="block truncate text-xs text-soft" title={visible(row.reason)}>
          {row.reason === "" ? "No reason was given." : visible(row.reason)}
        </span>
      </>
    ),
  },
  { key: "state", title: "State", width: "7rem", cell: (row) => <QuietBadge {...stateWords[stateOf(row)]} /> },
  {
    key: "who",
    title: "Who",
    width: "minmax(7rem,0.7fr)",
    cell: (row) => (
      <>
        <span className="block truncate">
          {visible(row.user)}
          {row.times === 1 ? undefined : <span className="text-soft"> {row.times}×</span>}
        </span>
        <span className="block truncate text-xs text-soft max-md:hidden">{visible(row.deviceName)}</span>
      </>
    ),
  },
  {
    key: "verdict",
    title: "Verdict",
    width: "minmax(10rem,0.8fr)",
    wideOnly: true,
    cell: (row) =>
      row.standing === undefined || row.basis === undefined ? (
        <span className="text-soft">nobody judged these bytes</span>
      ) : (
        <span title={visible(row.says ?? "")}>
          <VerdictBadge standing={row.standing} basis={row.basis} />
        </span>
      ),
  },
  {
    key: "decide",
    title: "Answer",
    width: "7rem",
    cell: (row) => {
      const waits = decides && stateOf(row) === "waiting";
      const Icon = waits ? Stamp : Info;
      return (
        <button
          type="button"
          className={`button relative z-[1] h-7 px-2.5 text-xs ${waits ? "" : "font-normal"}`}
          aria-label={`${waits ? "Decide about" : "Details of"} the request with code ${row.code}`}
          onClick={() => open(row)}
        >
          <Icon size={13} aria-hidden="true" className="max-md:hidden" />
          {waits ? "Decide" : "Details"}
        </button>
      );
    },
  },
  {
    key: "at",
    title: "Asked",
    width: "6rem",
    sort: "at",
    falling: true,
    right: true,
    cell: (row) => <Time at={row.at} brief />,
  },
];

const stateOf = ({ answer, allowedAt }: RequestRow): keyof typeof stateWords =>
  answer?.approved === false
    ? "denied"
    : allowedAt !== undefined
      ? "ran"
      : answer === undefined
        ? "waiting"
        : "approved";

const stateWords = {
  waiting: { word: "Waiting", tone: "unproven", icon: Hourglass },
  approved: { word: "Approved", tone: "signed", icon: CircleCheck },
  ran: { word: "Ran since", tone: "proven", icon: CircleCheck },
  denied: { word: "Denied", tone: "refuted", icon: CircleX },
} as const satisfies Record<string, BadgeWords>;

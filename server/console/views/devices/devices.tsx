import { CirclePower, CircleX, Plus, Wifi, WifiOff } from "lucide-react";
import { useState } from "react";
import { address } from "../../address.ts";
import { deviceFields } from "../../data/list-filters.ts";
import { useRefusal } from "../../data/post.ts";
import type { Row } from "../../data/queries.ts";
import { QuietBadge, type BadgeWords } from "../../parts/badge.tsx";
import { FilterBar, FilterText } from "../../parts/filter-bar.tsx";
import { News } from "../../parts/news.tsx";
import { count, counted } from "../../parts/number-words.ts";
import { ListPage } from "../../parts/page.tsx";
import { Refusal } from "../../parts/refusal.tsx";
import { running, ScanLine } from "../../parts/scan-progress.tsx";
import { Bar } from "../../parts/standing-bar.tsx";
import { Empty, Failed, Loading } from "../../parts/states.tsx";
import { ListFoot, Table, type Column } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { useList } from "../../parts/use-list.ts";
import { visible } from "../../parts/visible-text.ts";
import { AddDevice } from "./add-device.tsx";
import { FirstDevice } from "./first-device.tsx";

type DeviceRow = Row<"devices">;

export function Devices() {
  const list = useList("devices", deviceFields, "devices");
  const [adding, setAdding] = useState(false);
  const refused = useRefusal("fleet");
  const { filter, rows, total, error, change } = list;
  const none = total === 0 && filter.q === undefined;
  return (
    <ListPage
      title="Devices"
      actions={
        <div className="flex flex-wrap items-center gap-3">
          <News {...list.news} show={list.again} />
          {refused === undefined ? undefined : <Refusal why={refused} />}
          <button
            type="button"
            className="button button-primary"
            disabled={refused !== undefined}
            onClick={() => setAdding(true)}
          >
            <Plus size={15} aria-hidden="true" />
            Add device
          </button>
        </div>
      }
    >
      {none ? undefined : (
        <FilterBar>
          <FilterText label="Name of a device" value={filter.q ?? ""} onChange={(q) => change({ q })} />
          <output className="text-sm text-soft tabular-nums">
            {total === undefined ? "" : counted(total, "device")}
          </output>
        </FilterBar>
      )}
      {error === null ? undefined : <Failed error={error} again={list.again} />}
      {total === undefined && error === null ? <Loading what="devices" lines={8} /> : undefined}
      {none ? (
        <FirstDevice
          {...(refused === undefined ? { add: () => setAdding(true) } : {})}
          arrived={list.news.changed > 0}
          show={list.again}
        />
      ) : undefined}
      {total === 0 && !none ? <Empty title="No device has this name">Take letters away to see more.</Empty> : undefined}
      {total === undefined || total === 0 ? undefined : (
        <Table
          label="Devices"
          columns={columns}
          rows={rows}
          keyOf={keyOf}
          total={total}
          sort={filter.sort ?? "name"}
          onSort={(sort) => change({ sort: deviceFields.sort.read(sort) })}
          onEnd={list.more}
          place={list.place}
          foot={<ListFoot shown={rows.length} total={total} full={list.full} />}
        />
      )}
      {adding ? <AddDevice onClose={() => setAdding(false)} /> : undefined}
    </ListPage>
  );
}

const keyOf = (row: DeviceRow): string => row.id;

const columns: readonly Column<DeviceRow>[] = [
  {
    key: "name",
    title: "Device",
    width: "minmax(11rem,1.4fr)",
    sort: "name",
    cell: (row) => (
      <a className="covers-row font-medium hover:underline" href={address.device(row.id)}>
        {visible(row.name)}
      </a>
    ),
  },
  { key: "online", title: "State", width: "8.5rem", cell: (row) => <Online device={row} /> },
  {
    key: "os",
    title: "System",
    width: "minmax(9rem,1fr)",
    wideOnly: true,
    cell: (row) => <span className="text-soft">{`${visible(row.os)} · ${visible(row.arch)}`}</span>,
  },
  {
    key: "running",
    title: "Running now",
    width: "minmax(9rem,1fr)",
    wideOnly: true,
    cell: (row) => (
      <span className="flex items-center gap-2.5">
        <span className="w-10 shrink-0 text-right tabular-nums">{count(row.running.total)}</span>
        <Bar counts={row.running} label={`Running on ${row.name}`} />
      </span>
    ),
  },
  {
    key: "scan",
    title: "Inventory",
    width: "minmax(12rem,1.2fr)",
    cell: (row) => <Inventory row={row} />,
  },
  {
    key: "lastSeen",
    title: "Last seen",
    width: "7rem",
    sort: "lastSeen",
    falling: true,
    right: true,
    wideOnly: true,
    cell: (row) => <Time at={row.lastSeen} brief />,
  },
];

function Inventory({ row }: { readonly row: DeviceRow }) {
  const { scan } = row;
  if (running(scan)) return <ScanLine scan={scan} label={row.name} />;
  if (scan.state === "never") return <span className="text-soft">Not scanned yet</span>;
  if (scan.state === "failed")
    return (
      <span
        data-tone="refuted"
        title={visible(scan.says ?? "")}
        className="flex items-center gap-1.5 font-medium text-tone"
      >
        <CircleX size={14} aria-hidden="true" />
        The scan failed
      </span>
    );
  return (
    <span className="text-soft tabular-nums">
      {counted(row.executables.total, "file")}, {counted(row.packages, "package")}
    </span>
  );
}

/** There; away after a goodbye; or away without one. */
export function Online({ device: { online, stopped } }: { readonly device: Pick<DeviceRow, "online" | "stopped"> }) {
  return <QuietBadge {...(online ? presence.online : stopped ? presence.stopped : presence.silent)} />;
}

const presence = {
  online: { word: "Online", tone: "proven", icon: Wifi },
  stopped: { word: "Stopped", tone: "unchecked", icon: CirclePower },
  silent: { word: "Silent", tone: "unproven", icon: WifiOff },
} as const satisfies Record<string, BadgeWords>;

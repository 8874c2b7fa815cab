import type { FileKind } from "@provost/shared/model/inventory.ts";
import { ShieldAlert } from "lucide-react";
import { address } from "../../address.ts";
import type { Row } from "../../data/queries.ts";
import { bytes, count } from "../../parts/number-words.ts";
import { Path } from "../../parts/path.tsx";
import type { Column } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { VerdictBadge } from "../../parts/verdict-badge.tsx";
import { visible } from "../../parts/visible-text.ts";

type ExecutableRow = Row<"executables">;

export const keyOfExecutable = (row: ExecutableRow): string => row.id;

export const kindWords: Readonly<Record<FileKind, string>> = {
  elf: "Program",
  library: "Library",
  script: "Script",
  mapped: "Mapped",
};

export const executableColumns: readonly Column<ExecutableRow>[] = [
  {
    key: "path",
    title: "File",
    width: "minmax(15rem,3fr)",
    sort: "path",
    cell: (row) => (
      <span className="flex min-w-0 items-center gap-2">
        <Path path={row.path} root={row.root} href={address.executable(row.id)} covers />
        {row.privileged ? <Privileged /> : undefined}
      </span>
    ),
  },
  {
    key: "standing",
    title: "Verdict",
    width: "11rem",
    sort: "standing",
    falling: true,
    cell: (row) => <VerdictBadge standing={row.standing} basis={row.basis} tight />,
  },
  { key: "kind", title: "Kind", width: "4.5rem", wideOnly: true, cell: (row) => kindWords[row.kind] },
  {
    key: "package",
    title: "Package",
    width: "minmax(6rem,1fr)",
    wideOnly: true,
    cell: (row) =>
      row.package === undefined ? (
        <span className="text-soft">none</span>
      ) : (
        <span title={visible(row.package)}>{packageName(row.package)}</span>
      ),
  },
  {
    key: "device",
    title: "Device",
    width: "minmax(5rem,0.6fr)",
    cell: (row) => <span className="text-soft">{visible(row.deviceName)}</span>,
  },
  {
    key: "running",
    title: "Running",
    width: "4.5rem",
    sort: "running",
    falling: true,
    right: true,
    wideOnly: true,
    cell: (row) => (row.running === 0 ? <span className="text-soft">–</span> : count(row.running)),
  },
  {
    key: "size",
    title: "Size",
    width: "5rem",
    sort: "size",
    falling: true,
    right: true,
    wideOnly: true,
    cell: (row) => bytes(row.size),
  },
  {
    key: "changedAt",
    title: "Changed",
    width: "6.5rem",
    sort: "changedAt",
    falling: true,
    right: true,
    cell: (row) => <Time at={row.changedAt} brief />,
  },
];

function Privileged() {
  return (
    <span title="Runs with more rights than who starts it (setuid, setgid or capabilities)" className="shrink-0">
      <ShieldAlert size={14} aria-hidden="true" className="text-soft" />
      <span className="sr-only">privileged</span>
    </span>
  );
}

/** "bash 5.2.15-2+b8" of "pkg:deb/debian/bash@5.2.15-2%2Bb8?arch=amd64", for people; the link carries the whole. */
export function packageName(purl: string): string {
  const match = /^pkg:[^/]+\/(.+?)@([^?#]*)/.exec(purl);
  if (match === null) return visible(purl);
  const name = plain(match[1] ?? "");
  return visible(`${name.replace(/^(debian|ubuntu)\//, "")} ${plain(match[2] ?? "")}`);
}

function plain(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

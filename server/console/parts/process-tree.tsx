import { ChevronRight, FileCode2, Gavel } from "lucide-react";
import { memo, useCallback, useMemo, useState } from "react";
import { address } from "../address.ts";
import { counted } from "./number-words.ts";
import { Path } from "./path.tsx";
import { parentLine, treeRows, type Mapped, type Process, type TreeRow } from "./process-rows.ts";
import { focusLine, lineAt, useListKeys } from "./row-focus.ts";
import { keyTarget } from "./row-keys.ts";
import { standingWords } from "./standing-words.ts";
import { Time } from "./time.tsx";
import { VerdictBadge } from "./verdict-badge.tsx";
import { useVirtualRows } from "./virtual-rows.ts";
import { visible } from "./visible-text.ts";

type Only = NonNullable<Parameters<typeof treeRows>[1]["only"]>;

/** What runs on a device as an indented tree, a verdict on every line, the mapped files of each process on demand. */
export function ProcessTree(props: {
  readonly processes: readonly Process[];
  readonly only?: Only;
  /** Asked for on a line; it has to stay the same function. Absent: whoever looks may not. */
  readonly onKill?: (process: Process) => void;
}) {
  const { processes, only, onKill } = props;
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const [active, setActive] = useState(0);
  const rows = useMemo(
    () => treeRows(processes, only === undefined ? { open } : { open, only }),
    [processes, open, only],
  );
  const { box, boxRef, items, total, scrollTo } = useVirtualRows({ count: rows.length, height: 44, overscan: 12 });
  const toggle = useCallback((pid: number) => setOpen((before) => withToggled(before, pid)), []);
  useListKeys(box, (event) => {
    const at = lineAt(event.target);
    const row = at === undefined ? undefined : rows[at];
    if (at === undefined || row === undefined) return;
    const to = keyTarget(event.key, at, rows.length, 12) ?? sideways(event.key, { row, at, rows, open, toggle });
    if (to === undefined) {
      if (event.key === "Enter") linkOf(event.target)?.click();
      if (event.key === "Delete" && row.is === "process" && mayKill(row.process)) onKill?.(row.process);
      return;
    }
    event.preventDefault();
    if (to === at) return;
    setActive(to);
    scrollTo(to);
    focusLine(box, to);
  });
  const cursor = Math.min(active, Math.max(0, rows.length - 1));
  return (
    <div
      ref={boxRef}
      role="tree"
      tabIndex={-1}
      aria-label="Running processes"
      className="max-h-[70dvh] min-h-40 overflow-auto overscroll-contain rounded-lg border outline-none"
    >
      <div role="presentation" className="relative" style={{ height: total }}>
        {items.map((item) => {
          const row = rows[item.index];
          return row === undefined ? undefined : (
            <Line
              key={row.key}
              row={row}
              index={item.index}
              top={item.start}
              active={item.index === cursor}
              expanded={row.is === "process" && open.has(row.process.pid)}
              toggle={toggle}
              onKill={onKill}
            />
          );
        })}
      </div>
    </div>
  );
}

interface LineProps {
  readonly row: TreeRow;
  readonly index: number;
  readonly top: number;
  readonly active: boolean;
  readonly expanded: boolean;
  readonly toggle: (pid: number) => void;
  readonly onKill: ((process: Process) => void) | undefined;
}

/** Without its start no order can name it; and nobody kills the first process. */
const mayKill = ({ pid, sinceBoot }: Process): boolean => sinceBoot !== undefined && pid > 1;

const Line = memo(function DrawnLine({ row, index, top, active, expanded, toggle, onKill }: LineProps) {
  const canOpen = row.is === "process" && row.process.mapped.length > 0;
  return (
    <div
      role="treeitem"
      aria-level={row.depth + 1}
      aria-expanded={canOpen ? expanded : undefined}
      aria-selected={active}
      aria-keyshortcuts={onKill !== undefined && row.is === "process" && mayKill(row.process) ? "Delete" : undefined}
      tabIndex={active ? 0 : -1}
      data-row={index}
      className="absolute inset-x-0 top-0 flex h-11 items-center gap-2 border-b border-line/60 pr-3 pl-2 -outline-offset-2 hover:bg-sunken/60"
      style={{ transform: `translateY(${top}px)` }}
    >
      <Indent depth={row.depth} />
      {row.is === "process" ? (
        <ProcessLine process={row.process} expanded={expanded} toggle={toggle} onKill={onKill} />
      ) : (
        <MappedLine mapped={row.mapped} />
      )}
    </div>
  );
});

/** Guides for the depth, fewer on a narrow screen; past eight the depth is written. */
function Indent({ depth }: { readonly depth: number }) {
  return (
    <span aria-hidden="true" className="flex h-full shrink-0 self-stretch">
      {Array.from({ length: Math.min(depth, 8) }, (_, level) => (
        <span key={level} className={`ml-2 w-1.5 border-l border-line md:w-3 ${level < 3 ? "" : "max-md:hidden"}`} />
      ))}
      {depth > 8 ? <span className="self-center text-xs text-soft">{depth}</span> : undefined}
    </span>
  );
}

function ProcessLine(props: {
  readonly process: Process;
  readonly expanded: boolean;
  readonly toggle: (pid: number) => void;
  readonly onKill: ((process: Process) => void) | undefined;
}) {
  const { process, expanded, toggle, onKill } = props;
  const files = process.mapped.length;
  return (
    <>
      <button
        type="button"
        tabIndex={-1}
        aria-label={`${expanded ? "Hide" : "Show"} ${counted(files, "mapped file")} of process ${process.pid}`}
        className="grid size-6 shrink-0 place-items-center rounded-md hover:bg-sunken disabled:invisible"
        disabled={files === 0}
        onClick={() => toggle(process.pid)}
      >
        <ChevronRight size={15} aria-hidden="true" className={`transition-transform ${expanded ? "rotate-90" : ""}`} />
      </button>
      <span className="hidden w-12 shrink-0 font-mono text-xs text-soft tabular-nums md:inline">{process.pid}</span>
      <span className="min-w-0 grow">
        <span className="block truncate font-mono text-xs font-medium" title={visible(process.command)}>
          {visible(process.command)}
        </span>
        <span className="flex min-w-0 items-baseline gap-2 overflow-hidden text-xs text-soft">
          <LinkedPath path={process.path} executable={process.executable} />
          <span className="hidden shrink-0 md:inline">{visible(process.user)}</span>
          <span className="hidden shrink-0 md:inline">
            <Time at={process.startedAt} brief />
          </span>
          {process.container === undefined ? undefined : (
            <span className="max-w-40 shrink-0 truncate rounded bg-sunken px-1">{visible(process.container)}</span>
          )}
        </span>
      </span>
      <span className="flex shrink-0 flex-col items-end">
        <VerdictBadge standing={process.standing} basis={process.basis} tight />
        {process.worst === process.standing ? undefined : (
          <span data-tone={process.worst} className="text-xs font-medium text-tone">
            maps {standingWords[process.worst].word.toLowerCase()}
          </span>
        )}
      </span>
      <button
        type="button"
        tabIndex={-1}
        title="Kill it and what it started"
        aria-label={`Kill process ${process.pid} and what it started`}
        className="grid size-6 shrink-0 place-items-center rounded-md text-soft hover:bg-sunken hover:text-ink disabled:invisible"
        disabled={onKill === undefined || !mayKill(process)}
        onClick={() => onKill?.(process)}
      >
        <Gavel size={14} aria-hidden="true" />
      </button>
    </>
  );
}

function MappedLine({ mapped }: { readonly mapped: Mapped }) {
  return (
    <>
      <span className="grid size-6 shrink-0 place-items-center text-soft">
        <FileCode2 size={14} aria-hidden="true" />
      </span>
      <span className="min-w-0 grow">
        <LinkedPath path={mapped.path} executable={mapped.executable} />
        {mapped.note === undefined ? undefined : (
          <span className="block truncate text-xs text-soft">{visible(mapped.note)}</span>
        )}
      </span>
      <span className="shrink-0">
        <VerdictBadge standing={mapped.standing} basis={mapped.basis} tight />
      </span>
    </>
  );
}

function LinkedPath({ path, executable }: { readonly path: string; readonly executable: string | undefined }) {
  return (
    <span className="min-w-0">
      <Path path={path} inner {...(executable === undefined ? {} : { href: address.executable(executable) })} />
    </span>
  );
}

/** Right opens, left closes or goes to the parent. The line's own index means: handled, stay. */
function sideways(
  key: string,
  {
    row,
    at,
    rows,
    open,
    toggle,
  }: {
    readonly row: TreeRow;
    readonly at: number;
    readonly rows: readonly TreeRow[];
    readonly open: ReadonlySet<number>;
    readonly toggle: (pid: number) => void;
  },
): number | undefined {
  const pid = row.is === "process" && row.process.mapped.length > 0 ? row.process.pid : undefined;
  if (key === "ArrowRight") {
    if (pid !== undefined && !open.has(pid)) toggle(pid);
    return at;
  }
  if (key !== "ArrowLeft") return undefined;
  if (pid !== undefined && open.has(pid)) {
    toggle(pid);
    return at;
  }
  return parentLine(rows, at) ?? at;
}

function withToggled(before: ReadonlySet<number>, pid: number): ReadonlySet<number> {
  const next = new Set(before);
  if (!next.delete(pid)) next.add(pid);
  return next;
}

const linkOf = (target: EventTarget | null): HTMLAnchorElement | null =>
  target instanceof HTMLElement && target.dataset["row"] !== undefined ? target.querySelector("a") : null;

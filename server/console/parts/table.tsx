import { ArrowDown, ArrowUp } from "lucide-react";
import { memo, useEffect, type ReactNode } from "react";
import { count } from "./number-words.ts";
import { focusLine, lineAt, useListKeys } from "./row-focus.ts";
import { keyTarget } from "./row-keys.ts";
import { useNarrow } from "./narrow.ts";
import { rememberScroll, rememberedScroll } from "./scroll-memory.ts";
import { useVirtualRows } from "./virtual-rows.ts";

export interface Column<R> {
  readonly key: string;
  readonly title: string;
  /** A CSS grid track. */
  readonly width: string;
  readonly cell: (row: R) => ReactNode;
  /** The API's name for sorting by this column; `falling` when the first click should show the largest first. */
  readonly sort?: string;
  readonly falling?: boolean;
  readonly right?: boolean;
  /** Left out on a narrow screen, where a row is two lines: the first column, then the others side by side. */
  readonly wideOnly?: boolean;
}

interface TableProps<R> {
  readonly label: string;
  readonly columns: readonly Column<R>[];
  readonly rows: readonly R[];
  readonly keyOf: (row: R) => string;
  readonly total: number;
  readonly sort: string;
  readonly onSort: (sort: string) => void;
  /** Called when the end comes near; absent when there is no more. */
  readonly onEnd?: (() => void) | undefined;
  /** Scroll position is kept under this name while the console is open. */
  readonly place: string;
  readonly foot?: ReactNode;
  /** Cells have two lines. */
  readonly tall?: boolean;
}

/**
 * Rows of a server-sorted list, of which only those on screen exist. Each row's first cell is a link that covers the
 * row; the arrow keys, Page Up and Down, Home and End move from link to link.
 */
export function Table<R>(props: TableProps<R>) {
  const { columns, rows, keyOf, onEnd, place, tall = false } = props;
  const narrow = useNarrow();
  const height = (narrow ? 62 : 40) + (tall ? 20 : 0);
  const { box, boxRef, items, total, scrollTo } = useVirtualRows({
    count: rows.length,
    height,
    overscan: 10,
    above: narrow ? 0 : 36,
    startAt: rememberedScroll(place),
    onScroll: (offset) => rememberScroll(place, offset),
  });
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= rows.length - 30) onEnd?.();
  }, [last, rows.length, onEnd]);
  useListKeys(box, (event) => {
    const to = keyTarget(event.key, lineAt(event.target), rows.length, Math.max(1, items.length - 22));
    if (to === undefined) return;
    event.preventDefault();
    scrollTo(to);
    focusLine(box, to, " a");
  });
  const shown = narrow ? columns.filter((column) => column.wideOnly !== true) : columns;
  const tracks = narrow ? narrowTracks(shown.length) : shown.map((column) => column.width).join(" ");
  return (
    <div ref={boxRef} className="panel relative min-h-0 grow overflow-auto overscroll-contain">
      <table aria-label={props.label} aria-rowcount={props.total + 1} aria-colcount={shown.length} className="block">
        <Head {...props} columns={shown} tracks={tracks} narrow={narrow} />
        <tbody className="relative block min-w-0" style={{ height: total }}>
          {items.map((item) => {
            const row = rows[item.index];
            return row === undefined ? undefined : (
              <RowView
                key={keyOf(row)}
                row={row}
                index={item.index}
                top={item.start}
                height={height}
                columns={shown}
                tracks={tracks}
                narrow={narrow}
              />
            );
          })}
        </tbody>
      </table>
      {props.foot === undefined ? undefined : <div className="px-4 py-3 text-sm text-soft">{props.foot}</div>}
    </div>
  );
}

function Head<R>(props: TableProps<R> & { readonly tracks: string; readonly narrow: boolean }) {
  const { columns, tracks, narrow, sort, onSort } = props;
  return (
    <thead className={narrow ? "sr-only" : "sticky top-0 z-10 block border-b bg-surface"}>
      <tr aria-rowindex={1} className="grid h-9 items-center gap-4 px-4" style={{ gridTemplateColumns: tracks }}>
        {columns.map((column) => (
          <th
            key={column.key}
            scope="col"
            aria-sort={ariaSort(column, sort)}
            className={`eyebrow min-w-0 ${column.right === true ? "text-right" : "text-left"}`}
          >
            {column.sort === undefined || narrow ? (
              column.title
            ) : (
              <SortButton column={column} sort={sort} onSort={onSort} />
            )}
          </th>
        ))}
      </tr>
    </thead>
  );
}

function SortButton<R>(props: {
  readonly column: Column<R>;
  readonly sort: string;
  readonly onSort: (sort: string) => void;
}) {
  const { column, sort, onSort } = props;
  const name = column.sort ?? "";
  const now = ariaSort(column, sort);
  const first = column.falling === true ? `-${name}` : name;
  const Arrow = now === "descending" ? ArrowDown : ArrowUp;
  return (
    <button
      type="button"
      className={`inline-flex items-center gap-1 rounded hover:text-ink ${column.right === true ? "flex-row-reverse" : ""}`}
      onClick={() => onSort(now === "none" ? first : now === "ascending" ? `-${name}` : name)}
    >
      {column.title}
      <Arrow size={12} aria-hidden="true" className={now === "none" ? "invisible" : "text-accent"} />
    </button>
  );
}

interface RowProps<R> {
  readonly row: R;
  readonly index: number;
  readonly top: number;
  readonly height: number;
  readonly columns: readonly Column<R>[];
  readonly tracks: string;
  readonly narrow: boolean;
}

function PlainRow<R>({ row, index, top, height, columns, tracks, narrow }: RowProps<R>) {
  return (
    <tr
      aria-rowindex={index + 2}
      data-row={index}
      className="absolute inset-x-0 top-0 grid content-center items-center gap-x-4 gap-y-1 border-b border-line/70 px-4 hover:bg-sunken/60 contain-strict has-[a:focus-visible]:bg-accent-wash has-[a:focus-visible]:outline-2 has-[a:focus-visible]:-outline-offset-2 has-[a:focus-visible]:outline-accent"
      style={{ transform: `translateY(${top}px)`, height, gridTemplateColumns: tracks }}
    >
      {columns.map((column, at) => (
        <td
          key={column.key}
          className={`min-w-0 truncate text-sm ${column.right === true && !narrow ? "text-right tabular-nums" : ""} ${narrow && at === 0 ? "col-span-full" : ""}`}
        >
          {column.cell(row)}
        </td>
      ))}
    </tr>
  );
}

// The virtualiser draws on every scroll frame; a row that did not move is not drawn again.
const RowView = memo(PlainRow) as typeof PlainRow;

/** "1,000 of 34,120" under a list. */
export function ListFoot({
  shown,
  total,
  full,
}: {
  readonly shown: number;
  readonly total: number;
  readonly full: boolean;
}) {
  if (full)
    return (
      <>
        The first {count(shown)} of {count(total)} are shown. Narrow the list to see others.
      </>
    );
  return shown < total ? (
    <>
      Loading more: {count(shown)} of {count(total)}
    </>
  ) : (
    <>{total === 1 ? "Nothing else" : `All ${count(total)} shown`}</>
  );
}

const narrowTracks = (columns: number): string => `repeat(${Math.max(1, columns - 1)}, auto) 1fr`;

function ariaSort<R>(column: Column<R>, sort: string): "ascending" | "descending" | "none" {
  if (column.sort === undefined) return "none";
  return sort === column.sort ? "ascending" : sort === `-${column.sort}` ? "descending" : "none";
}

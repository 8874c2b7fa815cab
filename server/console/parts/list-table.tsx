import type { ReactNode } from "react";
import { Dropped } from "./dropped.tsx";
import { Failed, Loading } from "./states.tsx";
import { ListFoot, Table, type Column } from "./table.tsx";
import type { ListState } from "./use-list.ts";

/** One list as a page shows it: what failed, that it loads, that nothing matches, or its rows. */
export function ListTable<R>(props: {
  readonly list: Pick<ListState<never, never>, "total" | "error" | "again" | "more" | "full" | "place" | "dropped"> & {
    readonly rows: readonly R[];
  };
  /** What its rows are: "Requests". */
  readonly label: string;
  readonly columns: readonly Column<R>[];
  readonly keyOf: (row: R) => string;
  readonly sort: string;
  readonly onSort: (sort: string) => void;
  readonly tall?: boolean;
  /** What is said where nothing matches. */
  readonly empty: ReactNode;
}) {
  const { list, label, empty, ...table } = props;
  const { rows, total, error } = list;
  return (
    <>
      {error === null ? undefined : <Failed error={error} again={list.again} />}
      {total === undefined && error === null ? <Loading what={label.toLowerCase()} lines={10} /> : undefined}
      {total === 0 ? empty : undefined}
      {total === undefined || total === 0 ? undefined : (
        <Table
          {...table}
          label={label}
          rows={rows}
          total={total}
          onEnd={list.more}
          place={list.place}
          foot={
            <>
              <ListFoot shown={rows.length} total={total} full={list.full} />
              <Dropped count={list.dropped} />
            </>
          }
        />
      )}
    </>
  );
}

import { array, assert, integer, property, tuple } from "fast-check";
import { expect, test } from "vitest";
import { parentLine, treeRows, type Process } from "./process-rows.ts";

const process = (pid: number, parent: number, more: Partial<Process> = {}): Process => ({
  pid,
  parent,
  startedAt: pid,
  user: "root",
  command: `command ${pid}`,
  path: "/usr/bin/tool",
  standing: "signed",
  basis: "publisher",
  worst: "signed",
  mapped: [],
  ...more,
});
const shape = (processes: readonly Process[], view: Parameters<typeof treeRows>[1] = { open: new Set() }) =>
  treeRows(processes, view).map(
    (row) => `${"-".repeat(row.depth)}${row.is === "process" ? row.process.pid : row.mapped.path}`,
  );

test("children stand under their parent, oldest first", () => {
  expect(shape([process(9, 1), process(3, 1), process(1, 0), process(4, 3)])).toEqual(["1", "-3", "--4", "-9"]);
});

test("a process whose parent was not reported is a root", () => {
  expect(shape([process(5, 77), process(1, 0)])).toEqual(["1", "5"]);
});

test("circles of parents are drawn once and end", () => {
  expect(shape([process(1, 1), process(5, 6), process(6, 5)])).toEqual(["1", "5", "-6"]);
});

test("mapped files stand under an opened process, before its children", () => {
  const mapped = [{ path: "/lib/a.so", standing: "signed", basis: "publisher" }] as const;
  const parent = process(1, 0, { mapped: [...mapped] });
  expect(shape([parent, process(2, 1)], { open: new Set([1]) })).toEqual(["1", "-/lib/a.so", "-2"]);
});

test("narrowed to what lacks proof, the parents that lead there stay", () => {
  const all = [process(1, 0), process(2, 1), process(3, 2, { worst: "unproven" }), process(4, 1)];
  expect(shape(all, { open: new Set(), only: new Set(["unproven"]) })).toEqual(["1", "-2", "--3"]);
});

test("the way back from a line leads to its parent's line", () => {
  const rows = treeRows([process(1, 0), process(2, 1), process(3, 2), process(4, 1)], { open: new Set() });
  expect([parentLine(rows, 3), parentLine(rows, 2), parentLine(rows, 0)]).toEqual([0, 1, undefined]);
});

test("whatever a device reports, each process is drawn exactly once", () => {
  assert(
    property(array(tuple(integer({ min: 0, max: 30 }), integer({ min: 0, max: 30 })), { maxLength: 60 }), (pairs) => {
      const processes = pairs.map(([pid, parent]) => process(pid, parent));
      const drawn = treeRows(processes, { open: new Set() }).flatMap((row) =>
        row.is === "process" ? [row.process] : [],
      );
      expect(new Set(drawn)).toEqual(new Set(processes));
      expect(drawn).toHaveLength(processes.length);
    }),
  );
});

test("a chain of fifty thousand parents neither exhausts the stack nor takes long", () => {
  const rows = treeRows(
    Array.from({ length: 50_000 }, (_, at) => process(at + 1, at)),
    { open: new Set() },
  );
  expect(rows.at(-1)?.depth).toBe(49_999);
});

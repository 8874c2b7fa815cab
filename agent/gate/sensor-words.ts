import type { SensorHello, SensorStatus } from "@provost/shared/model/event.ts";
import type { Tier } from "@provost/shared/model/gate.ts";

const fileEvents = 1 << 9;

/** The bits of a hello's `parts`, in words. record.h has the list. */
const parts = [
  [1 << 0, "asks before a program starts"],
  [1 << 1, "asks before libraries and interpreter input are opened"],
  [1 << 2, "checks programs in the kernel"],
  [1 << 3, "checks mappings in the kernel"],
  [1 << 4, "tells writes apart by generation"],
  [1 << 5, "goes on enforcing without the sensor"],
  [1 << 6, "guards itself in the kernel"],
  [1 << 7, "process events"],
  [1 << 8, "network events"],
  [fileEvents, "file events"],
  [1 << 10, "system call events"],
  [1 << 11, "process events from the connector"],
  [1 << 12, "shuts writers out while it hashes"],
] as const;

export const partWords = (bits: number): readonly string[] =>
  parts.filter(([bit]) => (bits & bit) !== 0).map(([, words]) => words);

export const seesFiles = ({ parts: bits }: Pick<SensorHello, "parts">): boolean => (bits & fileEvents) !== 0;

/** As the device's page shows it. */
export const partsOf = (hello: SensorHello): string =>
  `${hello.release === "" ? "" : `${hello.release}: `}${partWords(hello.parts).join(", ")}`.slice(0, 1000);

export const limitsOf = (hello: SensorHello): string =>
  [tierLimits[hello.tier], ...hello.missing].join("; ").slice(0, 1000);

/** What a tier cannot do, whatever is loaded. */
export const tierLimits: Readonly<Record<Tier, string>> = {
  A: "code that a running process writes into its own memory is not checked",
  B: "a refused program is ended in its first moment instead of being refused; scripts given to an interpreter are checked with scripts: strict only; code that a running process writes into its own memory is not checked",
  C: "a file that is rewritten between the check and its start can run; scripts given to an interpreter are checked with scripts: strict only; what lies on no marked file system (memfd) is not stopped",
  P: "nothing is stopped: what runs is seen in /proc a few seconds later, and what ran between two looks is not seen",
};

/** Counters by their names, without what is no count. */
export function countersOf(status: SensorStatus): Readonly<Record<string, number>> {
  const { kind: _kind, time: _time, mode: _mode, tier: _tier, ...counters } = status;
  return counters;
}

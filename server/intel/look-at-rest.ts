import { setImmediate as immediate } from "node:timers/promises";
import type { DetectedFinding } from "@provost/shared/model/detection.ts";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { Arrived } from "../ingest/accept.ts";
import type { Inventory } from "../store/store.ts";
import { listedFile, listedPackage } from "./at-rest.ts";
import type { IndicatorSet } from "./indicator-set.ts";

type Books = Pick<Inventory, "deviceIds" | "filesFrom" | "installed" | "standingAt">;

/** What a device just told of, compared with the lists that are known. The store has it already. */
export function listedOfArrived(
  device: DeviceId,
  { files, packages }: Arrived,
  set: IndicatorSet,
  books: Books,
  now: number,
): readonly DetectedFinding[] {
  const found: DetectedFinding[] = [];
  const add = (finding: DetectedFinding | undefined): void => {
    if (finding !== undefined) found.push(finding);
  };
  for (const { root, path, digest } of files) {
    if (digest === undefined || set.digest(digest) === undefined) continue;
    const standing = books.standingAt(device, root, path) ?? "unchecked";
    add(listedFile({ device, root, path, sha256: digest, standing }, set, now));
  }
  for (const installed of packages) add(listedPackage({ device, ...installed }, set, now));
  return found;
}

const pieceFiles = 5000;

/** Everything that lies on the fleet, compared with lists that came later: a piece at a time, so that nobody waits for it. */
export async function lookAtRest(
  set: IndicatorSet,
  books: Books,
  now: () => number,
  isOver: () => boolean,
  tell: (findings: readonly DetectedFinding[]) => void,
): Promise<void> {
  for (const device of books.deviceIds()) {
    if (isOver()) return;
    tell(books.installed(device).flatMap((installed) => listedPackage(installed, set, now()) ?? []));
    await immediate();
  }
  for (let after = 0; !isOver();) {
    const files = books.filesFrom(after, pieceFiles);
    tell(files.flatMap((file) => listedFile(file, set, now()) ?? []));
    const last = files.at(-1);
    if (last === undefined) return;
    after = last.n;
    await immediate();
  }
}

import { fileKinds, ecosystemIds } from "@provost/shared/model/inventory.ts";
import { bases, standings } from "@provost/shared/model/verdict.ts";
import { manyOf, oneOf, words, yesNo, type Filter } from "./filter.ts";

/** What each list may be narrowed by. Names and meaning are those of the API's queries. */
export const executableFields = {
  q: words(400),
  standing: manyOf(standings),
  basis: manyOf(bases),
  kind: manyOf(fileKinds),
  running: yesNo,
  device: words(60),
  package: words(2000),
  digest: words(64),
  sort: oneOf([
    "path",
    "-path",
    "changedAt",
    "-changedAt",
    "running",
    "-running",
    "size",
    "-size",
    "standing",
    "-standing",
  ]),
};
export type ExecutableFilter = Filter<typeof executableFields>;

export const proofStates = ["derived", "pending", "lapsed", "unsupported", "failed", "none"] as const;
export const packageFields = {
  q: words(400),
  device: words(60),
  ecosystem: manyOf(ecosystemIds),
  proof: manyOf(proofStates),
  sort: oneOf(["name", "-name", "devices", "-devices", "executables", "-executables"]),
};
export type PackageFilter = Filter<typeof packageFields>;

export const deviceFields = { q: words(200), sort: oneOf(["name", "-name", "lastSeen", "-lastSeen"]) };
export type DeviceFilter = Filter<typeof deviceFields>;

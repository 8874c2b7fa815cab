import { createHash } from "node:crypto";
import type { DetectedFinding } from "@provost/shared/model/detection.ts";
import type { DeviceId, Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { InstalledPackage } from "@provost/shared/model/inventory.ts";
import type { Standing } from "@provost/shared/model/verdict.ts";
import type { IndicatorSet } from "./indicator-set.ts";

/** A file that lies on a device, whether or not it ever started. */
export interface FileAtRest {
  readonly device: DeviceId;
  readonly root: string;
  readonly path: string;
  readonly sha256: Sha256;
  readonly standing: Standing;
}

export type PackageAtRest = { readonly device: DeviceId } & Pick<
  InstalledPackage,
  "root" | "location" | "purl" | "ecosystem" | "name" | "version"
>;

/** The same file on the same device is found once, whatever is read again. */
export function listedFile(file: FileAtRest, set: IndicatorSet, now: number): DetectedFinding | undefined {
  const { device, root, path, sha256, standing } = file;
  const hit = set.digest(sha256);
  if (hit === undefined) return undefined;
  const isVouched = standing === "proven" || standing === "signed";
  const place = `${root}${path}`;
  return {
    id: idOf("provost.indicator", device, `lies ${root}\n${path}\n${sha256}`),
    device,
    at: now as Instant,
    source: "intel",
    rule: { id: "provost.indicator", title: "A listed indicator was met", author: "Provost", license: "Apache-2.0" },
    level: isVouched ? "medium" : "high",
    techniques: [],
    sentence: `${place} lies on the device, and ${hit.source} lists its digest; no start of it is needed for this finding${isVouched ? `. It is ${standing}: look at the list before anything is done` : ""}.`,
    subject: { kind: "file", path: place, sha256 },
    lineage: [],
    events: [],
    provenanceChange: isVouched ? 0 : 1,
    facts: { indicator: hit.indicator, source: hit.source, found: "at rest" },
  };
}

/** The same record about the same installation is told once. */
export function listedPackage(installed: PackageAtRest, set: IndicatorSet, now: number): DetectedFinding | undefined {
  const { device, root, location, purl, ecosystem, name, version } = installed;
  const hit = set.package(ecosystem, name, version);
  if (hit === undefined) return undefined;
  return {
    id: idOf("provost.listed-package", device, `${root}\n${location}\n${purl}\n${hit.indicator}`),
    device,
    at: now as Instant,
    source: "intel",
    rule: {
      id: "provost.listed-package",
      title: "An installed package is listed as malicious",
      author: "Provost",
      license: "Apache-2.0",
    },
    level: "high",
    techniques: ["T1195.002"],
    sentence: `${name} ${version} is installed in ${root}${location}; ${hit.indicator} (${hit.source}) lists it as malicious.`,
    subject: { kind: "package", purl },
    lineage: [],
    events: [],
    provenanceChange: 1,
    facts: { indicator: hit.indicator, source: hit.source, package: purl, location: `${root}${location}` },
  };
}

const idOf = (rule: string, device: string, what: string): string =>
  `fnd_${createHash("sha256").update(`${rule}\n${device}\n${what}`).digest("hex").slice(0, 24)}`;

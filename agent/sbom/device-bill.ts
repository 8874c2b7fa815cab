import { hostname } from "node:os";
import { safeText } from "@provost/shared/lib/path-text.ts";
import type { InstalledPackage } from "@provost/shared/model/inventory.ts";
import type { ChainLink } from "@provost/shared/model/verdict.ts";
import { DeviceFrame } from "@provost/shared/protocol/frames.ts";
import type { BillItem } from "@provost/shared/sbom/bill.ts";
import type { FileRow } from "../inventory/file-rows.ts";
import { factsOf } from "../inventory/file-rows.ts";
import type { State } from "../state/state.ts";
import { readMeta } from "../state/state.ts";
import { installedItems, type InstalledItems, type PackageMore } from "./installed.ts";

/** This device as the last pass left it in the agent's state: packages with their proofs, executables with their standing. */
export function deviceBill(state: State): { readonly subject: BillItem; readonly items: readonly BillItem[] } {
  const packages = state
    .prepare<[], { body: string }>("SELECT body FROM packages ORDER BY root, purl, location")
    .all()
    .map(({ body }) => JSON.parse(body) as InstalledPackage);
  const proof = state.prepare<[string, string], ProofRow>(
    "SELECT state, says, links FROM proofs WHERE root = ? AND purl = ?",
  );
  const installed = installedItems(packages, ({ root, purl }) => proofOf(proof.get(root, purl)));
  const files = state.prepare<[], FileRow>("SELECT * FROM files ORDER BY root, path").all();
  return {
    subject: subjectOf(state),
    items: [...installed.items, ...files.map((row) => fileItem(row, installed))],
  };
}

interface ProofRow {
  readonly state: string;
  readonly says: string;
  readonly links: string;
}

function proofOf(row: ProofRow | undefined): PackageMore {
  if (row === undefined) return { properties: [["provost:proof", "none"]] };
  const links = JSON.parse(row.links) as readonly ChainLink[];
  const documents = new Map(
    links.flatMap(({ evidence = [] }) => evidence.map(({ sha256, title }) => [sha256, title] as const)),
  );
  const archive = links.find(({ link }) => link === "archive")?.facts?.["sha256"];
  return {
    properties: [
      ["provost:proof", row.state],
      ["provost:proof:says", row.says],
      ...(archive === undefined ? [] : [["provost:archive:sha256", archive] as const]),
    ],
    evidence: [...documents].map(([sha256, says]) => ({ sha256, says })),
  };
}

function subjectOf(state: State): BillItem {
  const told = readMeta(state, "device-frame");
  const frame = told === undefined ? undefined : DeviceFrame.safeParse(JSON.parse(told)).data;
  return {
    ref: "device",
    kind: "device",
    name: frame?.name ?? safeText(hostname()),
    digests: [],
    evidence: [],
    properties:
      frame === undefined
        ? []
        : [
            ["provost:os", frame.os],
            ["provost:kernel", frame.kernel],
            ["provost:architecture", frame.arch],
          ],
  };
}

function fileItem(row: FileRow, installed: InstalledItems): BillItem {
  const { records } = factsOf(row);
  const [first] = records;
  const owner = first === undefined ? undefined : installed.ownerOf(row.root, first.purl, row.path);
  const place = row.root + row.path;
  return {
    ref: `file:${place}`,
    kind: "file",
    name: place,
    digests: row.digest === null ? [] : [{ algorithm: "sha256", hex: row.digest }],
    location: place,
    ...(owner === undefined ? {} : { inside: owner }),
    evidence: [],
    properties: [
      ["provost:kind", row.kind],
      ["provost:standing", row.standing],
      ["provost:basis", row.basis],
      ["provost:says", row.says],
    ],
  };
}

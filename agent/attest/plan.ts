import { basename } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { instant } from "@provost/shared/model/ids.ts";
import { productVersion } from "@provost/shared/protocol/version.ts";
import { readJson } from "../provenance/read-json.ts";
import type { Artefact } from "./artefact.ts";
import { buildProvenance, type BuildContext, type Predicate } from "./build-provenance.ts";
import { sbomPredicate } from "./sbom-predicate.ts";

/** One statement that is to be signed, and beside which artefacts it will lie. */
export interface Planned {
  readonly predicate: Predicate;
  readonly suffix: string;
  readonly about: readonly Artefact[];
}

export interface StatementQuestion {
  readonly predicate?: string;
  readonly predicateType?: string;
  /** A document, or "auto": what the artefact says of itself. */
  readonly sbom?: string;
}

/** Provenance of all artefacts, or the predicate that was given; then a bill of materials for each, where it was asked. */
export async function plan(
  artefacts: readonly Artefact[],
  asked: StatementQuestion,
  context: BuildContext,
  path: (name: string) => string,
): Promise<readonly Planned[]> {
  const main: Planned = { predicate: mainPredicate(asked, context, path), suffix: ".sigstore.json", about: artefacts };
  if (asked.sbom === undefined) return [main];
  const bills: Planned[] = [];
  for (const artefact of artefacts) {
    const body = asked.sbom === "auto" ? await billOf(artefact, context.now) : readJson("the SBOM", path(asked.sbom));
    const predicate = sbomPredicate(body, asked.sbom);
    bills.push({ predicate, suffix: ".sbom.sigstore.json", about: [artefact] });
  }
  return [main, ...bills];
}

function mainPredicate(asked: StatementQuestion, context: BuildContext, path: (name: string) => string): Predicate {
  if (asked.predicate === undefined || asked.predicateType === undefined) return buildProvenance(context);
  return { type: asked.predicateType, body: readJson("the predicate", path(asked.predicate)), from: asked.predicate };
}

/** CycloneDX 1.6 of the file, with the modules that Go and cargo wrote into it. */
async function billOf({ path, named }: Artefact, now: number): Promise<object> {
  const [{ fileBill }, { writeCycloneDx }] = await Promise.all([
    import("../sbom/file-bill.ts"),
    import("@provost/shared/sbom/write-cyclonedx.ts"),
  ]);
  const { subject, items } = fileBill(basename(path), path);
  if (!subject.digests?.some(({ algorithm, hex }) => algorithm === "sha256" && hex === named.sha256))
    throw new AppError("UNREADABLE", `${path} changed while it was being read`, {
      remedy: "attest it once it is finished",
    });
  const tool = { name: "provost", version: productVersion };
  return writeCycloneDx({ subject, items, madeFrom: "build", createdAt: instant(now), tool }, "1.6");
}

import { AppError } from "@provost/shared/lib/app-error.ts";
import { member, textMember } from "@provost/shared/lib/bounded-json.ts";
import type { Predicate } from "./build-provenance.ts";

/** The predicate type under which an SBOM is attested (in-toto/attestation spec/predicates: cyclonedx.md, spdx.md). */
export function sbomPredicate(document: unknown, where: string): Predicate {
  if (textMember(document, "bomFormat") === "CycloneDX")
    return { type: "https://cyclonedx.org/bom", body: document, from: "CycloneDX" };
  const two = /^SPDX-(2\.\d)$/.exec(textMember(document, "spdxVersion") ?? "")?.[1];
  if (two !== undefined) return { type: `https://spdx.dev/Document/v${two}`, body: document, from: `SPDX ${two}` };
  const context = member(document, "@context");
  const three = typeof context === "string" ? /^https:\/\/spdx\.org\/rdf\/(3\.\d)/.exec(context)?.[1] : undefined;
  if (three !== undefined)
    return { type: `https://spdx.dev/Document/v${three}`, body: document, from: `SPDX ${three}` };
  throw new AppError("CONFIG_INVALID", `${where} is neither CycloneDX nor SPDX in JSON`, {
    remedy: "give an SBOM whose bomFormat is CycloneDX or whose spdxVersion begins with SPDX-2",
  });
}

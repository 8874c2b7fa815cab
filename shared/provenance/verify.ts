import { unreachable } from "../lib/unreachable.ts";
import type { Instant } from "../model/ids.ts";
import type { ChainLink, Claim, Judged, Verdict } from "../model/verdict.ts";
import { expectsProvenance, type Criteria } from "./criteria.ts";
import type { Evidence, Question, Reading } from "./format.ts";
import { evidenceInside } from "./evidence-inside.ts";
import { formats } from "./formats/index.ts";
import { mayBeBill } from "./plain-documents.ts";
import { asRefusal } from "./refusal.ts";
import { refusalReading } from "./reading.ts";
import { requireNotRevoked } from "./revocation.ts";
import type { Subject } from "./subject.ts";
import type { Trust } from "./trust.ts";

/**
 * What the evidence says about one file: a function of its arguments alone. Contrary evidence that holds outranks every claim; then
 * the strongest claim wins; a forged document beside a proof that holds is named in the chain, because anyone can add a bad document.
 */
export async function verify(
  subject: Subject,
  evidence: readonly Evidence[],
  criteria: Criteria,
  trust: Trust,
  now: Instant,
): Promise<Judged> {
  const question = { subject, criteria, trust, now };
  const withdrawn = revocationOf(question);
  const own = evidenceInside(subject).filter((inside) => !evidence.some((one) => one.sha256 === inside.sha256));
  const readings = withdrawn === undefined ? await readAll([...own, ...evidence], question) : [withdrawn];
  return { verdict: combine(readings, criteria), trustVersion: trust.version, at: now };
}

/** More documents about one file than this are not looked at: the verdict says so. */
export const maxEvidence = 256;

function revocationOf({ subject, trust }: Question<Trust>): Reading | undefined {
  try {
    requireNotRevoked(trust, subject, undefined, []);
    return undefined;
  } catch (cause) {
    return refusalReading(asRefusal(cause));
  }
}

async function readAll(evidence: readonly Evidence[], question: Question<Trust>): Promise<readonly Reading[]> {
  const readings: Reading[] = [];
  for (const document of evidence.slice(0, maxEvidence)) readings.push(await readOne(document, question));
  if (evidence.length > maxEvidence)
    readings.push({
      kind: "unchecked",
      basis: "unsupported",
      why: `only the first ${maxEvidence} of ${evidence.length} documents were read`,
      wanted: "fewer documents about this file",
    });
  return readings;
}

export async function readOne(document: Evidence, question: Question<Trust>): Promise<Reading> {
  const format = formats.find((one) => one.recognises(document));
  if (format !== undefined) return format.read(document, question);
  if (mayBeBill(document.bytes))
    return { kind: "foreign", why: "it describes files and vouches for none: nobody signed it" };
  return {
    kind: "unchecked",
    basis: "unsupported",
    why: "no format recognises the document",
    wanted: "a format that reads it",
  };
}

/** Exported for the other sources of readings: archives, lockfiles, records on the device. */
export function combine(readings: readonly Reading[], criteria: Criteria): Verdict {
  const refuted = readings.filter((one) => one.kind === "refuted");
  const contrary = refuted.find(({ basis }) => basis === "contradicted" || basis === "revoked");
  if (contrary !== undefined) return refutedBy(contrary);
  const claims = readings.flatMap((one) => (one.kind === "claims" ? one.claims : [])).sort(byStrength);
  const [best] = claims;
  const wanted = expectsProvenance(criteria);
  if (
    best !== undefined &&
    (best.strength === "source" || best.strength === "reproduced" || (best.strength === "publisher" && !wanted))
  )
    return held(best, refuted);
  const [unexpected, forged] = [
    refuted.find(({ basis }) => basis === "downgraded"),
    refuted.find(({ basis }) => basis === "forged"),
  ];
  if (unexpected !== undefined) return refutedBy(unexpected);
  if (forged !== undefined) return refutedBy(forged);
  if (best !== undefined && wanted)
    return refutedBy({
      basis: "downgraded",
      why: "build provenance was expected and what there is does not come from a trusted builder",
    });
  const open = readings
    .filter((one) => one.kind === "unchecked")
    .sort((a, b) => order.indexOf(a.basis) - order.indexOf(b.basis))[0];
  if (open !== undefined)
    return {
      standing: "unchecked",
      basis: open.basis,
      wanted: open.wanted,
      says: sentence(`It could not be checked: ${open.why}`),
      chain: [{ link: "signature", state: "missing", says: sentence(`Wanted: ${open.wanted}`) }],
    };
  return best === undefined ? unclaimed : held(best, refuted);
}

const order = ["stale-trust", "no-time-proof", "unreachable", "unsupported", "unreadable"] as const;
const strengths = ["reproduced", "source", "publisher", "pinned", "recorded", "claimed"] as const;

const byStrength = (a: Claim, b: Claim): number =>
  strengths.indexOf(a.strength) - strengths.indexOf(b.strength) || (b.slsaLevel ?? 0) - (a.slsaLevel ?? 0);

const unclaimed: Verdict = {
  standing: "unproven",
  basis: "none",
  says: "Nothing claims this file.",
  chain: [{ link: "signature", state: "missing", says: "No evidence names this file's digest." }],
};

function held(claim: Claim, refuted: readonly { readonly why: string }[]): Verdict {
  const chain: readonly ChainLink[] = [
    ...claim.links,
    ...refuted.map(({ why }): ChainLink => ({
      link: "signature",
      state: "failed",
      says: sentence(`Another document fails: ${why}`),
    })),
  ];
  const missing = chain.find(({ state }) => state === "missing");
  const gap = missing === undefined ? "" : ` Missing: ${sentence(missing.says)}`;
  switch (claim.strength) {
    case "reproduced":
    case "source":
      return {
        standing: "proven",
        basis: claim.strength,
        ...(claim.slsaLevel === undefined ? {} : { slsaLevel: claim.slsaLevel }),
        says: `Signed provenance leads from its source to this file.${gap}`,
        chain,
      };
    case "publisher":
      return { standing: "signed", basis: "publisher", says: `Its publisher signed this file.${gap}`, chain };
    case "pinned":
    case "recorded":
    case "claimed":
      return { standing: "unproven", basis: claim.strength, says: `${said[claim.strength]}${gap}`, chain };
    default:
      return unreachable(claim.strength);
  }
}

const said = {
  pinned: "A pinned digest agrees; nobody the owner trusts signed it.",
  recorded: "Only an unsigned local record agrees.",
  claimed: "Something is said of this file, by nobody the owner trusts.",
} as const;

const refutedBy = ({
  basis,
  why,
}: {
  readonly basis: "contradicted" | "revoked" | "forged" | "downgraded";
  readonly why: string;
}): Verdict => ({
  standing: "refuted",
  basis,
  says: sentence(why),
  chain: [{ link: "signature", state: "failed", says: sentence(why) }],
});

function sentence(text: string): string {
  const first = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return first.endsWith(".") ? first : `${first}.`;
}

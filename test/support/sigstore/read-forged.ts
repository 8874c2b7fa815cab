import { createHash } from "node:crypto";
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import { instant, sha256 } from "@provost/shared/model/ids.ts";
import type { Criteria } from "@provost/shared/provenance/criteria.ts";
import type { Reading } from "@provost/shared/provenance/format.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import { readTrust, type Trust, type TrustDocument } from "@provost/shared/provenance/trust.ts";
import { readOne } from "@provost/shared/provenance/verify.ts";
import { signedAt, trustedRoot, type Instance } from "./instance.ts";

export const program = Buffer.from("the program");

export function subjectOf(bytes: Uint8Array, more: Partial<Subject> = {}): Subject {
  const digest = sha256(createHash("sha256").update(bytes).digest("hex"));
  if (digest === undefined) throw new Error("a SHA-256 has 64 digits");
  return { sha256: digest, ...more };
}

export interface Asked {
  readonly root?: Readonly<Record<string, unknown>>;
  readonly trust?: Partial<TrustDocument>;
  readonly subject?: Subject;
  readonly criteria?: Criteria;
  readonly now?: number;
  /** In place of root and trust: read before, so that reading it costs nothing now. */
  readonly ready?: Trust;
}

export function trustIn(by: Instance, { root, trust }: Asked = {}): Trust {
  const read = readTrust({ version: "forged", sigstore: [root ?? trustedRoot(by)], ...trust });
  if (!read.ok) throw new Error(read.why);
  return read.trust;
}

/** What the engine says of a document under the trust root of the instance that made it, an hour after it was signed. */
export async function readForged(by: Instance, document: unknown, asked: Asked = {}): Promise<Reading> {
  const bytes = Buffer.from(typeof document === "string" ? document : JSON.stringify(document));
  return readOne(
    { bytes, sha256: subjectOf(bytes).sha256, name: "forged" },
    {
      subject: asked.subject ?? subjectOf(program),
      criteria: asked.criteria ?? {},
      trust: asked.ready ?? trustIn(by, asked),
      now: instant(asked.now ?? signedAt + 3_600_000),
    },
  );
}

/** In one line: "claims publisher", "refuted forged: the signature does not verify". */
export function said(reading: Reading): string {
  switch (reading.kind) {
    case "claims":
      return `claims ${reading.claims.map(({ strength }) => strength).join(" ")}`;
    case "foreign":
      return `foreign: ${reading.why}`;
    case "refuted":
    case "unchecked":
      return `${reading.kind} ${reading.basis}: ${reading.why}`;
    default:
      return unreachable(reading);
  }
}

import type { Claim } from "../model/verdict.ts";
import type { Question, Reading } from "./format.ts";
import { asRefusal, type Refusal } from "./refusal.ts";
import type { Trust } from "./trust.ts";
import { unreachable } from "../lib/unreachable.ts";

/** The door of every format: whatever happens inside becomes a reading. */
export async function reading(
  { trust, now }: Question<Trust>,
  read: () => Promise<readonly [Claim, ...Claim[]]> | readonly [Claim, ...Claim[]],
): Promise<Reading> {
  const found = await attempted(read);
  if (found.kind === "foreign" || now <= trust.expires) return found;
  return {
    kind: "unchecked",
    basis: "stale-trust",
    why: `the trust document expired on ${new Date(trust.expires).toISOString()}; by it, ${summary(found)}`,
    wanted: "a current trust document",
  };
}

async function attempted(
  read: () => Promise<readonly [Claim, ...Claim[]]> | readonly [Claim, ...Claim[]],
): Promise<Reading> {
  try {
    return { kind: "claims", claims: await read() };
  } catch (cause) {
    return refusalReading(asRefusal(cause));
  }
}

export function refusalReading({ basis, message: why, wanted }: Refusal): Reading {
  switch (basis) {
    case "foreign":
      return { kind: "foreign", why };
    case "forged":
    case "contradicted":
    case "revoked":
    case "downgraded":
      return { kind: "refuted", basis, why };
    case "unreadable":
    case "stale-trust":
    case "no-time-proof":
    case "unsupported":
    case "unreachable":
      return { kind: "unchecked", basis, why, wanted };
    default:
      return unreachable(basis);
  }
}

function summary(found: Reading): string {
  return found.kind === "claims" ? "every signature holds" : found.why;
}

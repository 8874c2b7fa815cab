import { AppError } from "@provost/shared/lib/app-error.ts";
import { safeText } from "@provost/shared/lib/path-text.ts";
import { allows, type Grant, type Scope } from "./grant.ts";
import type { Issuers } from "./issuers.ts";
import { machineLimits, openRate } from "./rate.ts";
import { grantOfToken, isMachineToken } from "./tokens.ts";
import type { TokenStore } from "./token-store.ts";

/** The door for machines: who is it, may it, and has it asked too much. */
export interface Machines {
  /** `authorization` is the header's value. Throws TOKEN_REFUSED, NOT_ALLOWED or RateExceeded, each with a line in the log. */
  enter(authorization: string, remote: string, scope: Scope): Promise<Grant>;
  /** Counts bytes that came or go. Throws RateExceeded. */
  spend(grant: Pick<Grant, "id" | "who">, bytes: number): void;
}

export interface MachineParts {
  readonly store: TokenStore;
  readonly issuers: Issuers;
  readonly now: () => number;
  readonly log: (line: string) => void;
}

/** Code LIMIT, with how long to wait. */
export class RateExceeded extends AppError {
  readonly retryAfterSeconds: number;
  constructor(what: string, waitMs: number) {
    const seconds = Math.max(1, Math.ceil(waitMs / 1000));
    super("LIMIT", `${what}; try again in ${seconds} s`);
    this.retryAfterSeconds = seconds;
  }
}

export function openMachines({ store, issuers, now, log }: MachineParts): Machines {
  const requests = openRate(machineLimits.requests);
  const bytes = openRate(machineLimits.bytes);
  const failures = openRate(machineLimits.failures);

  const identify = async (authorization: string, remote: string): Promise<Grant> => {
    const text = /^Bearer ([A-Za-z0-9._~+/=-]{1,20000})$/i.exec(authorization)?.[1];
    const found =
      text === undefined
        ? 'the authorization header is not "Bearer" and a token'
        : isMachineToken(text)
          ? grantOfToken(store, text, now())
          : await issuers.grant(text, now());
    if (typeof found !== "string") return found;
    // Only what failed is slowed: behind one address there may be others whose tokens are good.
    const counted = failures.take(remote, 1, now());
    if (!counted.ok) throw exceeded(log, remote, "too many tokens were refused from this address", counted.waitMs);
    log(`machines: refused a token from ${safeText(remote)}: ${safeText(found)}`);
    throw new AppError("TOKEN_REFUSED", found);
  };

  return {
    async enter(authorization, remote, scope) {
      const grant = await identify(authorization, remote);
      const allowed = requests.take(grant.id, 1, now());
      if (!allowed.ok) throw exceeded(log, grant.who, "too many requests", allowed.waitMs);
      if (allows(grant, scope)) return grant;
      log(`machines: ${grant.who} asked for ${scope}, which it was not given`);
      throw new AppError("NOT_ALLOWED", `this needs the scope ${scope}; it was given ${grant.scopes.join(", ")}`);
    },
    spend(grant, count) {
      const allowed = bytes.take(grant.id, count, now());
      if (!allowed.ok) throw exceeded(log, grant.who, "too many bytes", allowed.waitMs);
    },
  };
}

function exceeded(log: (line: string) => void, who: string, what: string, waitMs: number): RateExceeded {
  log(`machines: ${safeText(who)}: ${what}`);
  return new RateExceeded(what, waitMs);
}

import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { Exception } from "@provost/shared/policy/rules.ts";
import type { State } from "../state/state.ts";

export interface Approval {
  readonly digest: Sha256;
  readonly code: string;
  readonly owner: string;
  readonly reason: string;
  readonly at: Instant;
  readonly expires: Instant;
}

const mostApprovals = 10_000;

/** An approval on this device: an exception for exactly these bytes, with owner, reason and end. */
export function keepApproval(state: State, approval: Approval): void {
  state
    .transaction(() => {
      state.prepare("DELETE FROM approvals WHERE expires < ?").run(approval.at);
      state
        .prepare(
          "INSERT OR REPLACE INTO approvals (digest, code, owner, reason, at, expires) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .run(approval.digest, approval.code, approval.owner, approval.reason, approval.at, approval.expires);
      state
        .prepare(
          "DELETE FROM approvals WHERE digest IN (SELECT digest FROM approvals ORDER BY at DESC LIMIT -1 OFFSET ?)",
        )
        .run(mostApprovals);
    })
    .immediate();
}

export const dropApproval = (state: State, digest: Sha256): void =>
  void state.prepare("DELETE FROM approvals WHERE digest = ?").run(digest);

/** As the policy knows them. Only the one for this digest: a policy is asked about one file at a time. */
export function approvalOf(state: State, digest: Sha256, now: Instant): Exception | undefined {
  const row = state
    .prepare<[string, number], Approval>("SELECT * FROM approvals WHERE digest = ? AND expires >= ?")
    .get(digest, now);
  if (row === undefined) return undefined;
  const { code, owner, reason, expires } = row;
  return { name: `approval ${code}`, match: { sha256: digest }, owner, reason, expires };
}

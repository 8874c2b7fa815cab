import { auditKinds } from "@provost/shared/model/audit-kinds.ts";
import { bind, chainStart } from "@provost/shared/lib/chain.ts";
import type { Answer } from "@provost/shared/protocol/api.ts";
import { fixtureNow } from "./console-words.ts";

type AuditRow = Answer<"audit">["rows"][number];

const said: Readonly<Record<AuditRow["kind"], string>> = {
  "sign-in": "Signed in by a link",
  command: "Ordered: Block files with the digest 77d04e77d04e",
  approval: "Approved for 24 hours on this device: /opt/tools/\u202etxt.sh",
  policy: "Published policy 14: block what nothing claims",
  incident: "Closed: her own build",
  trust: "Published a trust document: our own builder",
  token: 'Made the token "ci <b>main</b>" for attest, 90 days',
  device: "Enrolled with a token, as build-07.prague",
  export: "Exports the audit",
};

/** A made-up audit that is a real chain, hostile words included. */
export function buildAudit(): readonly AuditRow[] {
  let before = chainStart;
  return Array.from({ length: 240 }, (_, at): AuditRow => {
    const kind = auditKinds[at % auditKinds.length] ?? "sign-in";
    const entry = bind(before, {
      sequence: at + 1,
      at: fixtureNow - (240 - at) * 600_000,
      kind,
      by: kind === "device" ? "dev_0" : at % 4 === 0 ? "hana" : "owner",
      says: at % 50 === 7 ? "x".repeat(1900) : said[kind],
      facts: {
        ...(kind === "command" || kind === "approval"
          ? { device: "dev_0", reason: "seen in an incident ".repeat((at % 3) + 1) }
          : {}),
        ...(kind === "command" ? { command: "cmd_1f2e3d4c5b6a798081920a0b" } : {}),
        ...(kind === "incident" ? { incident: "inc_fixture" } : {}),
      },
    });
    before = entry.hash;
    return { ...entry, kind, facts: { ...entry.facts } };
  });
}

export const chainOf = (rows: readonly AuditRow[], broken: boolean): Answer<"auditChain"> => ({
  whole: !broken,
  entries: broken ? 99 : rows.length,
  last: rows.at(-1)?.hash ?? chainStart,
  ...(broken
    ? { broken: { sequence: 100, why: "its hash does not follow from its words and the entry before it" } }
    : {}),
  key: "pQ0b7Zr1vJ2kq5n8s3tYw6x9z_ABCDEFGHIJKLMNOP-",
});

import { auditHeadText } from "@provost/shared/model/audit-head.ts";
import type { AuditHead } from "@provost/shared/model/audit-head.ts";
import { signWith } from "../edge/keys.ts";
import type { ServerKey } from "../store/store.ts";
import type { AuditStore } from "./audit-store.ts";

/** A signed head, then one entry a line: `provost audit verify` reads it without this server. */
export function* auditLines(
  store: Pick<AuditStore, "stretch" | "entries">,
  { publicKey, privateKey }: ServerKey,
  asked: { readonly from: number; readonly to: number; readonly by: string; readonly at: number },
): Generator<string> {
  const stretch = store.stretch(asked.from, asked.to);
  const head: AuditHead = {
    audit: "provost-server",
    form: 1,
    at: asked.at,
    by: asked.by,
    entries: stretch.count,
    first: stretch.first,
    before: stretch.before,
    last: stretch.last,
    key: publicKey,
  };
  yield `${JSON.stringify({ head, signature: signWith(privateKey, Buffer.from(auditHeadText(head))) })}\n`;
  for (const entry of store.entries(stretch)) yield `${JSON.stringify(entry)}\n`;
}

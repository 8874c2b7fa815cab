import type { AuditKind } from "@provost/shared/model/audit-kinds.ts";
import {
  Download,
  Gavel,
  KeyRound,
  LogIn,
  MonitorCog,
  ScrollText,
  Siren,
  Stamp,
  Ticket,
  type LucideIcon,
} from "lucide-react";

/** What an entry is about, as a person reads it. */
export const kindWords: Readonly<Record<AuditKind, { word: string; means: string; icon: LucideIcon }>> = {
  "sign-in": { word: "Sign-in", means: "Somebody signed in or out.", icon: LogIn },
  command: { word: "Order", means: "An order to a device, and what the device told of it.", icon: Gavel },
  approval: { word: "Answer", means: "A request of a person at a device was approved or denied.", icon: Stamp },
  policy: { word: "Policy", means: "A policy was published.", icon: ScrollText },
  incident: { word: "Incident", means: "An incident was closed or opened again.", icon: Siren },
  trust: { word: "Trust", means: "A document about whom to trust was published.", icon: KeyRound },
  token: { word: "Token", means: "A token was made or revoked.", icon: Ticket },
  device: { word: "Device", means: "A device enrolled.", icon: MonitorCog },
  export: { word: "Export", means: "Somebody took the audit or the evidence library along.", icon: Download },
};

export function KindBadge({ kind }: { readonly kind: AuditKind }) {
  const { word, means, icon: Icon } = kindWords[kind];
  return (
    <span title={means} className="inline-flex items-center gap-1.5 align-middle text-sm whitespace-nowrap">
      <Icon size={14} aria-hidden="true" className="text-soft" />
      {word}
    </span>
  );
}

/** What the two programs say to whoever started them (agent/main.ts, server/main.ts). Installers import nothing, so it stands here again. */
export interface ScanFrame {
  readonly state: "walking" | "hashing" | "done" | "failed";
  readonly filesSeen: number;
  readonly executables: number;
  readonly hashed: number;
  readonly toHash: number;
  readonly bytesHashed: number;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly blind: readonly { readonly what: string; readonly count: number; readonly why: string }[];
  readonly problems: readonly { readonly path: string; readonly why: string }[];
}

export interface GateNow {
  readonly mode: "off" | "record" | "warn" | "hold" | "block";
  readonly tier: string;
}

export type AgentMessage =
  | { readonly kind: "scan"; readonly frame: ScanFrame }
  | { readonly kind: "scanned"; readonly frame: ScanFrame; readonly gate?: GateNow }
  | { readonly kind: "online"; readonly device: string }
  | { readonly kind: "offline"; readonly why: string; readonly final: boolean }
  | { readonly kind: "drained" }
  | { readonly kind: "failed"; readonly code: string; readonly why: string; readonly remedy?: string };

export interface Counts {
  readonly total: number;
  readonly standings: Readonly<Record<string, number>>;
  readonly bases: Readonly<Record<string, number>>;
}

export interface Overview {
  readonly packages: { readonly total: number; readonly byEcosystem: Readonly<Record<string, number>> };
  readonly executables: Counts;
  readonly running: Counts;
  readonly proofs: Readonly<Record<"wanted" | "derived" | "lapsed" | "unsupported" | "failed" | "pending", number>>;
  /** Answers at hand that are still being worked into verdicts. */
  readonly working: boolean;
}

export type ServerMessage =
  | {
      readonly kind: "ready";
      readonly address: string;
      readonly agentUrl: string;
      readonly signIn: string;
      readonly token: string;
    }
  | { readonly kind: "failed"; readonly code: string; readonly why: string; readonly remedy?: string }
  | { readonly kind: "sign-in"; readonly link: string }
  | { readonly kind: "summary"; readonly overview: Overview };

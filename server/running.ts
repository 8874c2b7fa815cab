import type { Parts } from "./api/parts.ts";
import type { Edge } from "./edge/socket.ts";

/** What whoever started the server may ask and is told, over IPC where there is one. */
export type ServerQuestion = { readonly ask: "summary" } | { readonly ask: "sign-in" };
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
  | { readonly kind: "summary"; readonly overview: unknown };

export interface RunningServer {
  readonly address: string;
  readonly parts: Parts;
  readonly edge: Edge;
  /** Answers at hand are still being worked into verdicts. */
  working(): boolean;
  close(): Promise<void>;
}

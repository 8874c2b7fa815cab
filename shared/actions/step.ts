import type { ProcessKey } from "../model/detection.ts";
import type { Sha256 } from "../model/ids.ts";

/** The closed list of changes to a device. Each does one thing, can be looked at afterwards, and says how it is undone. */
export type Step =
  | { readonly step: "freeze-processes"; readonly process: ProcessKey; readonly executable: string }
  | { readonly step: "kill-processes"; readonly process: ProcessKey; readonly executable: string }
  | { readonly step: "deny-digest"; readonly sha256: Sha256; readonly expires?: number }
  | { readonly step: "allow-digest"; readonly sha256: Sha256; readonly code: string; readonly expires: number }
  | { readonly step: "seal-file"; readonly root: string; readonly path: string; readonly sha256: Sha256 }
  | { readonly step: "cut-network"; readonly except: readonly string[] }
  | { readonly step: "collect-triage"; readonly process?: ProcessKey; readonly executable?: string };
export type StepName = Step["step"];

/** A step in words: what it does, and what undoing it does; nothing where it cannot be undone. */
export interface StepWords {
  readonly says: string;
  readonly undo?: string;
}

import type { FindingSubject, Level } from "@provost/shared/model/detection.ts";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { Observed } from "@provost/shared/model/observed.ts";
import type { BaselineStore } from "../baseline.ts";

/** What a rule with memory may ask beside the event itself. */
export interface Scene {
  readonly device: DeviceId;
  readonly baseline: BaselineStore;
  /** What happened on this device lately: bounded, the oldest is forgotten first. */
  readonly recent: Recent;
}

export interface Recent {
  note(what: string, key: string, value: string, at: number): void;
  /** What was noted under this key within `withinMs` before `at`, the newest last. */
  find(what: string, key: string, at: number, withinMs: number): readonly string[];
}

export interface Recognised {
  readonly level: Level;
  readonly sentence: string;
  readonly subject: FindingSubject;
  /** 0 to 1; absent: nothing changed about where the bytes come from. */
  readonly provenanceChange?: number;
  readonly facts?: Readonly<Record<string, string>>;
}

/** What Sigma cannot say: rules with a memory of their own. Pure but for what they note in the scene. */
export interface ReducerRule {
  readonly id: string;
  readonly title: string;
  /** ATT&CK technique ids. */
  readonly techniques: readonly string[];
  observe(event: Observed, scene: Scene): Recognised | undefined;
}

import type { DetectedFinding } from "@provost/shared/model/detection.ts";
import type { infer as Infer } from "zod";
import type { Answer, Api } from "@provost/shared/protocol/api.ts";

/** Findings outlive their events: a year, and what an open incident rests on for as long as it is open. */
export const findingDays = 400;

/** What rules recognised. Calls inside `Inventory.transaction` are durable with it. */
export interface FindingStore {
  /** Returns those that were new: the same observation through the same rule is one finding. */
  put(findings: readonly DetectedFinding[]): readonly DetectedFinding[];
  setIncident(ids: readonly string[], incident: string): void;
  ofIncident(incident: string, most: number): readonly DetectedFinding[];
  detections(query: Infer<Api["detections"]["query"]>): Answer<"detections">;
  /** Forgets what is older, but not what an open incident rests on. */
  dropOlder(than: number): void;
}

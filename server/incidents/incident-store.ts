import type { IncidentState, Level } from "@provost/shared/model/detection.ts";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { infer as Infer } from "zod";
import type { Answer, Api } from "@provost/shared/protocol/api.ts";
import type { Story } from "./story.ts";

export interface StoredIncident extends Story {
  readonly id: string;
  readonly device: DeviceId;
  readonly state: IncidentState;
  readonly openedAt: number;
  readonly lastAt: number;
  readonly findings: number;
  readonly closedBy?: string;
  readonly closedWhy?: string;
}

export interface IncidentStore {
  /** The oldest incident of this device that one of these keys belongs to, closed ones of the last day included. */
  byKeys(device: DeviceId, keys: readonly string[], since: number): string | undefined;
  addKeys(device: DeviceId, keys: readonly string[], incident: string, at: number): void;
  one(id: string): StoredIncident | undefined;
  put(incident: StoredIncident): void;
  /** Devices beside its own on which bytes lie that it is about. */
  elsewhere(incident: StoredIncident): number;
  /** How many were opened on this device since. */
  openedSince(device: DeviceId, since: number): number;
  incidents(query: Infer<Api["incidents"]["query"]>): Answer<"incidents">;
  /** What was lost or not seen on this device in this time, in words. */
  blind(device: DeviceId, from: number, to: number): Answer<"incident">["blind"];
  /** How many are open, neither contained nor closed. */
  openByLevel(): Readonly<Record<Level, number>>;
  level(id: string): Level | undefined;
}

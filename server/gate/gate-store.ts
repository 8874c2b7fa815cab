import type { DeviceId, Sha256 } from "@provost/shared/model/ids.ts";
import type { FindingKind } from "@provost/shared/model/gate.ts";
import type { infer as Infer } from "zod";
import type { Answer, Api } from "@provost/shared/protocol/api.ts";
import type { GateAlarm, GateDecision, RequestFrame } from "@provost/shared/protocol/frames.ts";

/** How many of each are kept of one device, and how long. What goes is counted, and the lists say how much went. */
export interface GateBounds {
  /** Of what ran and of what was stopped, each: noise cannot push out what was stopped. */
  readonly decisions: number;
  readonly findings: number;
  readonly requests: number;
  readonly days: number;
}
export const gateBounds: GateBounds = { decisions: 10_000, findings: 5000, requests: 2000, days: 90 };

/** How a device left. `asked`: it told who stopped it, and closed. `closed`: it closed in order. `lost`: neither. */
export type Leaving = "asked" | "closed" | "lost";

export interface Away {
  readonly device: DeviceId;
  /** The last time anything was heard of it. */
  readonly since: number;
  /** Undefined: this server stopped while the device was there. */
  readonly leaving?: Leaving;
  /** What the connection's end said. */
  readonly why: string;
}

export interface NewFinding {
  readonly device: DeviceId;
  readonly kind: FindingKind;
  readonly at: number;
  readonly says: string;
  readonly facts: Readonly<Record<string, string>>;
}

/** What a person at a device asked for. */
export interface AskedFor {
  readonly device: DeviceId;
  readonly code: string;
  readonly sha256: Sha256;
  /** With its root. */
  readonly path: string;
  readonly answered: boolean;
}

export interface RequestAnswer {
  readonly approved: boolean;
  readonly by: string;
  readonly at: number;
  readonly reason: string;
  readonly scope: "device" | "fleet";
  readonly commands: readonly string[];
}

type Parsed<Name extends keyof Api> = Infer<Api[Name]["query"]>;

/** What gates did and what went wrong with them. Calls inside `Inventory.transaction` are durable with it. */
export interface GateStore {
  /** Each returns how many were new: the same one told again changes nothing. */
  putDecisions(device: DeviceId, items: readonly GateDecision[], now: number): number;
  putAlarms(device: DeviceId, items: readonly GateAlarm[], now: number): number;
  putRequest(device: DeviceId, request: RequestFrame, now: number): number;
  /** Drops what is beyond the bounds of one device. */
  trim(device: DeviceId, bounds: GateBounds): void;
  dropOlder(than: number): void;

  /** The device is there: its open findings end. Returns how many did. */
  arrived(device: DeviceId, now: number): number;
  left(away: Away): void;
  /** Devices that are not there, or that were there when this server stopped, and of which no finding says so yet. */
  unreported(): readonly Away[];
  /** A finding of the server's own; open until the device arrives. */
  report(finding: NewFinding): void;

  decisions(query: Parsed<"decisions">, device?: string): Answer<"decisions">;
  findings(query: Parsed<"findings">, device?: string): Answer<"findings">;
  requests(query: Parsed<"requests">): Answer<"requests">;
  request(id: string): AskedFor | undefined;
  /** Once: whoever asks again afterwards asks anew. */
  answer(id: string, answer: RequestAnswer): void;
  /** Counts since `from`, of the fleet or one device. */
  summary(from: number, device?: string): Answer<"overview">["gate"];
}

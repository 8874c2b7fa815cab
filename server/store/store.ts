import type { EcosystemId, FileFacts, InstalledPackage, AptSource } from "@provost/shared/model/inventory.ts";
import type { DeviceId, Sha256 } from "@provost/shared/model/ids.ts";
import type { Role } from "@provost/shared/model/role.ts";
import type { Standing, Verdict } from "@provost/shared/model/verdict.ts";
import type { FileAtRest, PackageAtRest } from "../intel/at-rest.ts";
import type { Frame } from "@provost/shared/protocol/frames.ts";
import type { infer as Infer } from "zod";
import type { Answer, Api } from "@provost/shared/protocol/api.ts";
import type { AuditStore } from "../audit/audit-store.ts";
import type { CommandStore } from "../response/command-store.ts";
import type { BaselineStore } from "../detection/baseline.ts";
import type { FindingStore } from "../detection/finding-store.ts";
import type { IncidentStore } from "../incidents/incident-store.ts";
import type { TokenStore } from "../machines/token-store.ts";
import type { EventStore } from "../events/event-store.ts";
import type { GateStore } from "../gate/gate-store.ts";
import type { AttestedStore } from "../trust/attested-store.ts";
import type { EvidenceStore } from "../trust/evidence-store.ts";
import type { PullStore } from "../trust/library/pull-store.ts";
import type { RegistryPackage } from "../trust/library/wanted.ts";
import type { LibraryStore } from "../trust/library/library-store.ts";
import type { ManifestStore } from "../trust/manifest-store.ts";
import type { PolicyStore } from "../policies/policy-store.ts";
import type { TriageStore } from "../triage/triage-store.ts";
import type { TrustStore } from "../trust/trust-store.ts";

export interface ServerKey {
  readonly publicKey: string;
  readonly privateKey: string;
}

/** Somebody who reads the console, and what they may do there. */
export interface Person {
  readonly user: string;
  readonly role: Role;
}

export interface StoredSession extends Person {
  readonly csrf: string;
  readonly at: number;
  readonly expires: number;
}

export type TokenFault = "used" | "expired" | "unknown";

/** Keys, tokens and sessions. `take...` succeeds at most once for each secret. */
export interface Access {
  serverKey(): ServerKey;
  addToken(secret: string, expires: number): void;
  takeToken(secret: string, device: string, now: number): boolean;
  /** Why a token would not be taken; "unknown" also a week after it expired. Undefined: it would. */
  tokenFault(secret: string, now: number): TokenFault | undefined;
  /** The device that used a token which has not expired. */
  tokenUser(secret: string, now: number): string | undefined;
  addSignIn(secret: string, expires: number, person: Person): void;
  /** Who the link was made for. */
  takeSignIn(secret: string, now: number): Person | undefined;
  addSession(secret: string, session: StoredSession): void;
  session(secret: string, now: number): StoredSession | undefined;
  endSession(secret: string): void;
  /** Those that are open, the oldest first, each with a name that opens none. */
  sessions(now: number): readonly (Omit<StoredSession, "csrf"> & { readonly id: string })[];
  /** False: there is no such session. */
  endSessionOf(id: string): boolean;
}

export interface KnownDevice {
  readonly id: DeviceId;
  readonly name: string;
  readonly publicKey: string;
  readonly epoch: string;
  readonly acknowledged: number;
}

export type JudgeFile = (facts: FileFacts) => { readonly verdict: Verdict; readonly trustVersion: string };

/** What the devices tell. Nothing here answers people; `Read` does. Every call inside `transaction` is durable with it. */
export interface Inventory {
  transaction<T>(work: () => T): T;
  device(id: string): KnownDevice | undefined;
  addDevice(
    device: { readonly id: DeviceId; readonly name: string; readonly publicKey: string; readonly epoch: string },
    now: number,
  ): void;
  /** A new epoch: the device tells everything again, so what was known of it and is not told again must go. */
  startEpoch(device: DeviceId, epoch: string): void;
  acknowledge(device: DeviceId, upTo: number, now: number): void;
  seen(device: DeviceId, now: number): void;
  describe(device: DeviceId, frame: Extract<Frame, { kind: "device" | "scan" | "health" }>): void;
  setArchives(device: DeviceId, root: string, sources: readonly AptSource[]): void;
  archives(
    device: DeviceId,
  ): readonly { readonly root: string; readonly sources: readonly AptSource[]; readonly config: string | undefined }[];
  setConfig(device: DeviceId, root: string, config: string): void;
  putPackages(
    device: DeviceId,
    upserts: readonly InstalledPackage[],
    gone: readonly { purl: string; location: string; root: string }[],
    now: number,
  ): void;
  packages(device: DeviceId, root: string): readonly InstalledPackage[];
  /** Debian packages without a known answer yet, on this device and root. */
  unanswered(device: DeviceId, root: string): readonly string[];
  installsNamed(
    name: string,
    version: string,
  ): readonly { readonly device: DeviceId; readonly root: string; readonly body: InstalledPackage }[];
  /** What this device itself says it has installed under that name: no device speaks for another. */
  packageAt(device: DeviceId, root: string, purl: string): InstalledPackage | undefined;
  deviceIds(): readonly DeviceId[];
  /** Every npm and PyPI package version that any device has, once for each place it came from. */
  registryPackages(): readonly RegistryPackage[];
  /** Digests that nothing claims, what runs first. */
  unclaimedDigests(limit: number): readonly Sha256[];
  /** Every configuration of archives and keys that any device has. */
  configs(): readonly string[];
  setProof(device: DeviceId, root: string, purl: string, proof: string, says: string): void;
  putFiles(
    device: DeviceId,
    upserts: readonly FileFacts[],
    gone: readonly { root: string; path: string }[],
    judge: JudgeFile,
    now: number,
  ): void;
  /** Judges a package's files on one device again; returns how many verdicts changed. */
  judgeAgain(device: DeviceId, root: string, purl: string, judge: JudgeFile, now: number): number;
  /** Files whose digest is known, of all devices, after the one with that number: in the order in which they came. */
  filesFrom(after: number, most: number): readonly (FileAtRest & { readonly n: number })[];
  standingAt(device: DeviceId, root: string, path: string): Standing | undefined;
  /** Every package that this device says it has. */
  installed(device: DeviceId): readonly PackageAtRest[];
  installsOf(ecosystem: EcosystemId, name: string, version: string): readonly PackageAtRest[];
  ownedFiles(device: DeviceId, root: string, purl: string): readonly FileFacts[];
  runningPurls(device: DeviceId, root: string): ReadonlySet<string>;
  putRunning(device: DeviceId, frame: Extract<Frame, { kind: "running" }>): void;
  lost(device: DeviceId, lane: string, count: number, why: string, at: number): void;
  /** Proofs a device has yet to hold. `touch` gives the proof a new version there. */
  touchProof(device: DeviceId, root: string, purl: string): void;
  heldProof(device: DeviceId, root: string, purl: string, version: number): void;
  unheldProofs(
    device: DeviceId,
    limit: number,
  ): readonly { readonly root: string; readonly purl: string; readonly version: number }[];
}

type Row<Name extends "devices" | "executables" | "packages"> = Answer<Name>["rows"][number];

export interface StoredExecutable {
  readonly row: Row<"executables">;
  readonly facts: FileFacts;
  readonly trustVersion: string;
  readonly judgedAt: number;
  readonly rest: Pick<Answer<"executable">, "processes" | "elsewhere" | "history">;
}

/** What people ask, answered in the API's words. What only the trust part knows (archives, chains) is added by the handlers. */
export interface Read {
  overview(online: ReadonlySet<string>, now: number): Omit<Answer<"overview">, "proofs" | "gate" | "openIncidents">;
  devices(query: Parsed<"devices">, online: ReadonlySet<string>): Answer<"devices">;
  device(id: string, online: ReadonlySet<string>): Omit<Answer<"device">, "archives" | "proofs" | "gate"> | undefined;
  processes(device: string): Answer<"processes">;
  executables(query: Parsed<"executables">): Answer<"executables">;
  executable(id: string): StoredExecutable | undefined;
  packages(query: Parsed<"packages">): Answer<"packages">;
  package(purl: string):
    | {
        readonly row: Row<"packages">;
        readonly installs: readonly (Answer<"package">["installs"][number] & { readonly root: string })[];
      }
    | undefined;
  search(text: string): Answer<"search">;
}

export type Parsed<Name extends keyof Api> = Infer<Api[Name]["query"]>;

export interface Store {
  readonly access: Access;
  readonly inventory: Inventory;
  readonly read: Read;
  readonly evidence: EvidenceStore;
  readonly library: LibraryStore;
  readonly machines: TokenStore;
  readonly pulls: PullStore;
  readonly manifests: ManifestStore;
  readonly trust: TrustStore;
  readonly attested: AttestedStore;
  readonly gate: GateStore;
  readonly events: EventStore;
  readonly commands: CommandStore;
  readonly triage: TriageStore;
  readonly audit: AuditStore;
  readonly detections: FindingStore;
  readonly baseline: BaselineStore;
  readonly incidents: IncidentStore;
  readonly policies: PolicyStore;
  close(): void;
}

import type { DeviceId, Purl, Sha256 } from "@provost/shared/model/ids.ts";
import type { AptSource, InstalledPackage } from "@provost/shared/model/inventory.ts";
import { judge } from "@provost/shared/provenance/judge.ts";
import type { KnownProof, Proofs } from "@provost/shared/provenance/judge.ts";
import type { PackageProof } from "@provost/shared/provenance/package-proof.ts";
import type { ProofMessage } from "@provost/shared/protocol/frames.ts";
import type { Assessor } from "./assessor.ts";
import type { Inventory, JudgeFile } from "../store/store.ts";
import type { ConfigId, Derivation } from "./derive.ts";
import type { PackageVersion } from "./manifest-store.ts";

/** Where the devices' questions meet the proofs: who wants what, what is known, and what changes when more becomes known. */
export interface ProofDesk {
  /** A device told of packages, archives or running programs; its questions are put again at the next `step`. */
  noteChange(device: DeviceId): void;
  /** Derivation answered for one package version under one configuration. */
  noteSettled(config: ConfigId, version: PackageVersion): void;
  /**
   * Does a bounded piece of the waiting work: puts questions, judges files again. Returns whether more waits, whether new
   * questions were put, and the devices whose verdicts or proofs changed.
   */
  step(now: number): {
    readonly more: boolean;
    readonly asked: boolean;
    readonly changed: ReadonlyMap<DeviceId, number>;
  };
  judgeFor(device: DeviceId): JudgeFile;
  /** The proof of one package for one device, cut to the files the device told of. */
  message(device: DeviceId, root: string, purl: string, version: number): ProofMessage | undefined;
  proofOf(
    device: DeviceId,
    root: string,
    purl: string,
  ): { readonly proof: KnownProof; readonly files: number } | undefined;
}

/** Parsed manifests held at once. A package has some hundred files, and the files of one package come together. */
const heldProofs = 400;
/** Installed packages remembered by name, over all devices. */
const heldPackages = 20_000;
/** Packages judged again in one step: about 20 ms of work. */
const packagesPerStep = 10;

/** What documents establish, asked for by the desk and told what archives there are. */
export type Attestations = Pick<Assessor, "attestedOf" | "noteArchive">;

const noAttestations: Attestations = { attestedOf: () => undefined, noteArchive: () => undefined };

export function openDesk(
  inventory: Inventory,
  derivation: Derivation,
  attestations: Attestations = noAttestations,
): ProofDesk {
  const parsed = new Map<string, Parsed>();
  const configs = new Map<string, ReadonlyMap<string, ConfigId>>();
  const installed = new Map<string, InstalledPackage>();
  const changedDevices = new Set<DeviceId>();
  const answers = new Map<string, Answer>();

  const configsOf = (device: DeviceId): ReadonlyMap<string, ConfigId> => {
    const known = configs.get(device);
    if (known !== undefined) return known;
    const read = new Map<string, ConfigId>();
    for (const { root, config } of inventory.archives(device))
      if (config !== undefined) read.set(root, config as ConfigId);
    configs.set(device, read);
    return read;
  };

  // Each device's own word: what another one calls by this name must not decide what is looked up here.
  const packageOf = (device: DeviceId, root: string, purl: string): InstalledPackage | undefined => {
    const key = `${device} ${root}\n${purl}`;
    const known = installed.get(key) ?? inventory.packageAt(device, root, purl);
    if (known !== undefined) {
      if (installed.size >= heldPackages) installed.clear();
      installed.set(key, known);
    }
    return known;
  };

  const lookUp = (config: ConfigId, item: InstalledPackage): Parsed | undefined => {
    const version = versionOf(item);
    const key = parsedKey(config, version);
    const held = parsed.get(key);
    if (held !== undefined) return held;
    const proof = derivation.proof(config, version);
    if (proof === undefined) return undefined;
    const made = parse(proof);
    const oldest = parsed.keys().next().value;
    if (parsed.size >= heldProofs && oldest !== undefined) parsed.delete(oldest);
    parsed.set(key, made);
    return made;
  };

  const find = (device: DeviceId, root: string, purl: string): Parsed | undefined => {
    const config = configsOf(device).get(root);
    if (config === undefined || !purl.startsWith("pkg:deb/")) return undefined;
    const item = packageOf(device, root, purl);
    return item === undefined ? undefined : lookUp(config, item);
  };

  const proofsFor = (device: DeviceId, root: string): Proofs => ({
    proofOf: (purl) => find(device, root, purl)?.proof,
    fileIn(purl, path, found) {
      const digests = find(device, root, purl)?.files.get(path);
      return digests?.includes(found) === true ? found : digests?.[0];
    },
    attestedOf: (subject) => attestations.attestedOf(subject)?.verdict,
  });

  const judgeFor =
    (device: DeviceId): JudgeFile =>
    (facts) => {
      const trusted = new Set<string>();
      const proofs = proofsFor(device, facts.root);
      const verdict = judge(facts, {
        ...proofs,
        attestedOf(subject) {
          const attested = attestations.attestedOf(subject);
          if (attested !== undefined) trusted.add(attested.trustVersion.slice(0, 40));
          return attested?.verdict;
        },
      });
      const archives = configsOf(device).get(facts.root)?.slice(0, 12) ?? "none";
      return { verdict, trustVersion: [archives, ...trusted].join(" ").slice(0, 100) };
    };

  const ask = (device: DeviceId): Answer[] => {
    forget(device);
    return inventory.archives(device).flatMap(({ root, sources, config: before }) => {
      const running = inventory.runningPurls(device, root);
      const packages = inventory.packages(device, root);
      const wanted = packages.map((item) => ({ ...versionOf(item), priority: running.has(item.purl) ? 10 : 1 }));
      const config = derivation.want(withArchitectures(sources, packages), wanted);
      inventory.setConfig(device, root, config);
      // Other sources or keys: what the old ones proved is no longer this device's trust, so all is answered anew.
      const purls =
        before === undefined || before === config
          ? inventory.unanswered(device, root)
          : [...new Set(packages.map(({ purl }) => purl))];
      return purls.map((purl) => ({ device, root, purl }));
    });
  };

  const answer = ({ device, root, purl }: Answer, now: number): number => {
    const known = find(device, root, purl);
    if (known === undefined) {
      inventory.setProof(device, root, purl, "pending", "");
      return inventory.judgeAgain(device, root, purl, judgeFor(device), now);
    }
    inventory.setProof(device, root, purl, shownState[known.proof.state], known.proof.says);
    inventory.touchProof(device, root, purl);
    if (known.proof.archive !== undefined) attestations.noteArchive(known.proof.archive, device, root, purl);
    return 1 + inventory.judgeAgain(device, root, purl, judgeFor(device), now);
  };

  const forget = (device: DeviceId): void => {
    configs.delete(device);
    for (const key of installed.keys()) if (key.startsWith(`${device} `)) installed.delete(key);
  };

  return {
    noteChange(device) {
      forget(device);
      changedDevices.add(device);
    },
    noteSettled(config, settled) {
      const { name, version, arch } = settled;
      parsed.delete(parsedKey(config, settled));
      for (const { device, root, body } of inventory.installsNamed(name, version)) {
        if ((body.arch ?? "all") !== arch || configsOf(device).get(root) !== config) continue;
        const question = { device, root, purl: body.purl };
        answers.set(keyOf(question), question);
      }
    },
    step(now) {
      const changed = new Map<DeviceId, number>();
      const [device] = changedDevices;
      const inHand = [...answers].slice(0, packagesPerStep);
      const asked = inventory.transaction(() => {
        for (const [, question] of inHand) {
          const count = answer(question, now);
          if (count > 0) changed.set(question.device, (changed.get(question.device) ?? 0) + count);
        }
        return device === undefined ? [] : ask(device);
      });
      // Only what was stored is struck off: a full disk costs a repetition and no question.
      for (const [key] of inHand) answers.delete(key);
      if (device !== undefined) changedDevices.delete(device);
      for (const question of asked) answers.set(keyOf(question), question);
      return { more: changedDevices.size > 0 || answers.size > 0, asked: device !== undefined, changed };
    },
    judgeFor,
    message(device, root, purl, version) {
      const known = find(device, root, purl);
      if (known === undefined) return undefined;
      const asked = inventory
        .ownedFiles(device, root, purl)
        .flatMap((facts) => facts.records.filter((record) => record.purl === purl));
      const paths = [...new Set(asked.map((record) => record.packagedAs ?? record.path))];
      const absent = paths.filter((path) => !known.files.has(path));
      return {
        kind: "proof",
        version,
        root,
        purl: purl as Purl,
        state: known.proof.state,
        says: known.proof.says,
        ...(known.proof.wanted === undefined ? {} : { wanted: known.proof.wanted }),
        links: known.proof.links as ProofMessage["links"],
        ...(known.proof.archive === undefined ? {} : { archive: known.proof.archive }),
        files: paths.flatMap((path) => (known.files.get(path) ?? []).map((sha256) => ({ path, sha256 }))),
        ...(absent.length === 0 || known.proof.state !== "derived" ? {} : { absent }),
      };
    },
    proofOf(device, root, purl) {
      const known = find(device, root, purl);
      return known === undefined ? undefined : { proof: known.proof, files: known.files.size };
    },
  };
}

interface Answer {
  readonly device: DeviceId;
  readonly root: string;
  readonly purl: string;
}

/** By what was looked up, never by the name that a device gives it. */
const parsedKey = (config: ConfigId, { name, version, arch }: PackageVersion): string =>
  [config, name, version, arch].join("\n");

const keyOf = ({ device, root, purl }: Answer): string => `${device} ${root}\n${purl}`;

interface Parsed {
  readonly proof: KnownProof;
  /** Packaged path to the digests any signed build of this version gives it. */
  readonly files: ReadonlyMap<string, readonly Sha256[]>;
}

const versionOf = (item: InstalledPackage): PackageVersion => ({
  name: item.name,
  version: item.version,
  arch: item.arch ?? "all",
});

/** sources.list(5): a source without an architecture means those dpkg has, which the installed packages show. */
function withArchitectures(sources: readonly AptSource[], packages: readonly InstalledPackage[]): readonly AptSource[] {
  const present = [...new Set(packages.map((item) => item.arch ?? "all"))].filter((arch) => arch !== "all").toSorted();
  return sources.map((source) => (source.architectures.length > 0 ? source : { ...source, architectures: present }));
}

const shownState = {
  derived: "derived",
  lapsed: "lapsed",
  unsupported: "unsupported",
  failed: "failed",
  unreachable: "failed",
  stale: "failed",
} as const;

function parse(proof: PackageProof): Parsed {
  if (proof.state !== "derived")
    return {
      proof: { state: proof.state, says: cut(proof.says), wanted: cut(proof.wanted), links: [] },
      files: new Map(),
    };
  const files = new Map<string, Sha256[]>();
  const add = (path: string, sha256: Sha256): void => {
    const held = files.get(path);
    if (held === undefined) files.set(path, [sha256]);
    else if (!held.includes(sha256)) held.push(sha256);
  };
  for (const build of [proof, ...proof.otherBuilds]) {
    for (const file of build.files) add(file.path, file.sha256);
    for (const script of build.scripts) add(`DEBIAN/${script.name}`, script.sha256);
  }
  // With several signed builds of one version, which archive a file came from is not known.
  const archive = proof.otherBuilds.length === 0 ? { archive: proof.archive } : {};
  return { proof: { state: "derived", says: cut(proof.says), links: proof.links, ...archive }, files };
}

/** The protocol's and the API's bound on a sentence, with room for what the judge adds to it. */
const cut = (text: string): string => text.slice(0, 1500);

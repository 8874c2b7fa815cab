import type { FileStamp, GateQuestion } from "@provost/shared/model/event.ts";
import type { FileFacts } from "@provost/shared/model/inventory.ts";
import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { ChainLink, Standing, Verdict } from "@provost/shared/model/verdict.ts";
import { judge } from "@provost/shared/provenance/judge.ts";
import type { Proofs } from "@provost/shared/provenance/judge.ts";
import type { FileRow } from "../inventory/file-rows.ts";
import { factsOf } from "../inventory/file-rows.ts";
import type { KeptScript } from "./kept-scripts.ts";
import { proofsIn } from "../provenance/proofs.ts";
import type { State } from "../state/state.ts";

export interface Judged {
  readonly verdict: Verdict;
  readonly facts: FileFacts;
  /** These bytes would be judged otherwise in another place. */
  readonly byPlace: boolean;
  /** Nothing at hand knows these bytes, and packages keep files beside them: their books may know more than the last pass. */
  readonly isWorthALook: boolean;
}

/**
 * What the agent's tables say of bytes that are about to run. The bytes are judged, wherever they lie: what vouches for them at one
 * place vouches for them at another. Their place speaks only where nothing vouches for the bytes: a changed file of a package.
 */
export class AskedJudge {
  readonly #state: State;
  readonly #byDigest;
  readonly #beside;

  constructor(state: State) {
    this.#state = state;
    this.#byDigest = state.prepare<[string, number], FileRow>(
      "SELECT * FROM files WHERE digest = ? ORDER BY root, path LIMIT ?",
    );
    this.#beside = state
      .prepare<[string, string, string], number>(
        "SELECT 1 FROM files WHERE root = ? AND path >= ? AND path < ? AND records <> '[]' LIMIT 1",
      )
      .pluck();
  }

  judge(
    question: GateQuestion,
    digest: Sha256,
    place: { readonly root: string; readonly path: string },
    now: Instant,
  ): Judged {
    const proofs = proofsIn(this.#state);
    const rows = this.#byDigest.all(digest, rowsPerDigest);
    const facts = factsAsked(question, digest, place, now);
    const here = rows.find((row) => row.root === place.root && row.path === place.path);
    const opinions = rows.map((row) => opinionOn(row, here, proofs, place.path));
    const own = here === undefined ? { verdict: judge(facts, proofs(place.root)), facts } : undefined;
    const best = strongest(own === undefined ? opinions : [...opinions, own]);
    const verdict = best?.verdict ?? judge(facts, proofs(place.root));
    return {
      verdict,
      facts: best?.facts ?? facts,
      byPlace: verdict.standing === "refuted" && verdict.basis === "contradicted",
      isWorthALook: rows.length === 0 && verdict.standing === "unproven" && this.#hasPackagesBeside(place),
    };
  }

  #hasPackagesBeside({ root, path }: { readonly root: string; readonly path: string }): boolean {
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    return this.#beside.get(root, folder, `${folder.slice(0, -1)}0`) !== undefined;
  }
}

const rowsPerDigest = 16;

interface Opinion {
  readonly verdict: Verdict;
  readonly facts: FileFacts;
}

function opinionOn(row: FileRow, here: FileRow | undefined, proofs: (root: string) => Proofs, path: string): Opinion {
  const facts = factsOf(row);
  const verdict = judge(facts, proofs(row.root));
  if (row === here || !vouches(verdict)) return { verdict, facts };
  return {
    verdict: { ...verdict, says: `${path} is byte for byte ${row.path}. ${verdict.says}`.slice(0, 2000) },
    facts,
  };
}

const vouches = ({ standing, basis }: Verdict): boolean =>
  standing === "proven" || standing === "signed" || basis === "pinned" || basis === "recorded";

/** A withdrawal outranks all; then what vouches for the bytes; then what speaks against their place; then the rest. */
function strongest(opinions: readonly Opinion[]): Opinion | undefined {
  return opinions.toSorted((a, b) => rank(a.verdict) - rank(b.verdict))[0];
}

function rank({ standing, basis }: Verdict): number {
  if (basis === "revoked" || basis === "malicious") return 0;
  const byStanding: Record<Standing, number> = { proven: 1, signed: 2, refuted: 3, unchecked: 5, unproven: 8 };
  if (basis === "pinned") return 4;
  if (basis === "recorded") return 6;
  if (basis === "generated") return 7;
  return byStanding[standing];
}

function factsAsked(
  question: GateQuestion,
  digest: Sha256,
  { root, path }: { readonly root: string; readonly path: string },
  now: Instant,
): FileFacts {
  return {
    path,
    root,
    kind: question.access === "library" ? "library" : question.access === "exec" ? "elf" : "script",
    identity: identityOf(question.file),
    mode: question.mode,
    uid: question.owner,
    digest,
    records: [],
    seenAt: now,
  };
}

const identityOf = ({ device, inode, bytes, changed }: FileStamp): FileFacts["identity"] => ({
  dev: statDevice(device),
  ino: inode,
  size: bytes,
  ctimeMs: changed / 1e6,
});

/** The superblock's number, major * 2^20 + minor, as stat(2) prints it (makedev(3)). */
export const statDevice = (device: number): number => {
  const major = Math.floor(device / 2 ** 20);
  const minor = device % 2 ** 20;
  return (minor % 256) + (major % 4096) * 256 + Math.floor(minor / 256) * 2 ** 20;
};

/** Made on this device by a program that is known to make programs: worth at most what its maker is worth. */
export function generatedHere(facts: FileFacts, maker: string, at: Instant): Verdict {
  const says = `${facts.path} was made on this device by ${maker}; it is worth at most what its maker is worth.`;
  const link: ChainLink = {
    link: "build",
    state: "recorded",
    says: `The kernel's word: ${maker} wrote it last.`,
    facts: { maker, written: new Date(at).toISOString() },
  };
  return { standing: "unproven", basis: "generated", says, chain: [link] };
}

/** dpkg keeps no digest of packages' scripts: what it kept is worth at most what that dpkg is worth. */
export function keptByDpkg(path: string, { keeper, at, isOlder }: KeptScript): Verdict {
  const since = isOlder ? "kept it here before the agent's first pass" : "put it here";
  const says = `${path} is a package's script: dpkg ${since}; it is worth at most what ${keeper} is worth.`;
  const link: ChainLink = {
    link: "build",
    state: "recorded",
    says: isOlder
      ? `The first pass over this device met these very bytes where ${keeper} keeps its packages' scripts.`
      : `The kernel's word: ${keeper} gave these very bytes their name.`,
    facts: { maker: keeper, met: new Date(at).toISOString() },
  };
  return { standing: "unproven", basis: "generated", says, chain: [link] };
}

/** A check that did not end in time: it says nothing about the file, and the check goes on. */
export const notInTime = (facts: FileFacts): Verdict => ({
  standing: "unchecked",
  basis: "deadline",
  wanted: "the packages' books, which were not read in time",
  says: `${facts.path} could not be checked in time; the check goes on.`,
  chain: [],
});

export const notRead = (path: string): Verdict => ({
  standing: "unchecked",
  basis: "unreadable",
  wanted: "permission to read the file's bytes",
  says: `${path} could not be read by the sensor.`,
  chain: [],
});

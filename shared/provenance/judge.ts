import type { FileFacts, JudgedRecord } from "../model/inventory.ts";
import type { Purl, Sha256 } from "../model/ids.ts";
import type { ChainLink, Standing, UncheckedBasis, Verdict } from "../model/verdict.ts";
import { unreachable } from "../lib/unreachable.ts";
import { archiveSubject } from "./archive-subject.ts";
import { named, shown, timeText } from "./words.ts";

export { named };

/** What was established about one package version: the links all its files share. */
export interface KnownProof {
  readonly state: "derived" | "lapsed" | "unsupported" | "failed" | "unreachable" | "stale";
  readonly says: string;
  readonly wanted?: string | undefined;
  readonly links: readonly ChainLink[];
  /** The archive's own digest: what documents say of it carries to the files inside. */
  readonly archive?: Sha256 | undefined;
}

/**
 * The proofs at hand for one root, as the judge asks for them. `fileIn` takes the path inside the package ("/bin/bash") and
 * the digest found: where several signed builds of one version exist, it answers with the found digest if any build has it.
 */
export interface Proofs {
  proofOf(purl: Purl): KnownProof | undefined;
  fileIn(purl: Purl, packagedPath: string, found: Sha256): Sha256 | undefined;
  /**
   * Whether what is known of the package covers this path, so that no digest means no such file. A device holds what it asked about; of a
   * file that it has met since, the answer is on its way. Left out where all of the package is known.
   */
  covers?(purl: Purl, packagedPath: string): boolean;
  /**
   * What documents (bundles, attestations, signatures) establish about exactly these bytes; undefined where none is about them.
   * A file, or an archive that a signed index lists, goes by its SHA-256; one that a device told of by `archiveSubject`.
   */
  attestedOf(subject: Sha256): Verdict | undefined;
}

/**
 * The verdict on one installed file, from what the device says of it and from the proofs its packages have. Pure: agent and
 * server call it with the same arguments and must get the same answer. An archive's signed word about a path outranks every
 * record on the device; a contradiction outranks everything but another package's proof of the same bytes. What documents
 * establish about the bytes themselves joins in: a withdrawal outranks all, anything else has its rank among the rest.
 */
export function judge(facts: FileFacts, proofs: Proofs): Verdict {
  const { digest } = facts;
  if (digest === undefined) return unreadable(facts);
  const own = proofs.attestedOf(digest);
  const opinions = facts.records.map((record) =>
    inAttestedArchive(opinionOn(record, digest, facts, proofs), record, proofs),
  );
  const documented = own === undefined ? [] : [onTheseBytes(own, digest, facts)];
  const withdrawn = [...documented, ...opinions].find(isWithdrawn);
  const telling = documented.filter((one) => !isSilent(one));
  return withdrawn ?? strongest([...telling, ...opinions]) ?? documented[0] ?? unclaimed(facts, digest);
}

/** Documents that nobody here can read say nothing beside what is known otherwise. */
const isSilent = ({ standing, basis }: Opinion): boolean =>
  standing === "unchecked" && (basis === "unsupported" || basis === "unreadable");

/** Only what the owner or the signer withdrew is beyond any other proof: a document that merely fails can be made by anyone. */
const isWithdrawn = ({ standing, basis }: Opinion): boolean =>
  standing === "refuted" && (basis === "revoked" || basis === "malicious");

/** Documents about the file itself: their chain, with this place on this device as its last link, and whose package it is. */
function onTheseBytes(own: Verdict, digest: Sha256, facts: FileFacts): Opinion {
  const held = own.standing === "proven" || own.standing === "signed";
  const last = file(
    held ? "verified" : own.standing === "refuted" ? "failed" : "missing",
    held ? "The signed digest is this file's." : own.says,
    digest,
    facts,
  );
  const owners = facts.records.slice(0, 1).map(owner);
  return { ...own, chain: [...own.chain.filter(({ link }) => link !== "file"), ...owners, last] };
}

/** What is established about the archive carries to the files that are proven to stand in it, and to no others. */
function inAttestedArchive(opinion: Opinion, record: JudgedRecord, proofs: Proofs): Opinion {
  const inside = opinion.standing === "signed" || (opinion.standing === "unproven" && opinion.basis === "pinned");
  const archive = record.via === "npm-cache" ? archiveSubject(record)?.key : proofs.proofOf(record.purl)?.archive;
  const attested = inside && archive !== undefined ? proofs.attestedOf(archive) : undefined;
  if (attested === undefined) return opinion;
  const upgrades = attested.standing === "proven" || (attested.standing === "signed" && opinion.standing !== "signed");
  if (!upgrades && !isWithdrawn(attested)) return opinion;
  const says = `${shown(record.path)} is byte for byte the file in an archive of ${named(record.purl)}. ${attested.says}`;
  return {
    ...attested,
    says: says.slice(0, 2000),
    chain: [
      ...attested.chain.filter(({ link }) => link !== "file"),
      ...opinion.chain.filter(({ link, state }) => !["source", "build"].includes(link) && state !== "missing"),
    ],
  };
}

type Opinion = Verdict;

function opinionOn(record: JudgedRecord, digest: Sha256, facts: FileFacts, proofs: Proofs): Opinion {
  if (record.role === "generated") return generated(record, digest, facts);
  switch (record.via) {
    case "dpkg-list":
    case "dpkg-md5sums":
      return debian(record, digest, facts, proofs);
    case "npm-cache":
      return pinned(record, digest, facts);
    case "pypi-record":
      return recorded(record, digest, facts, "the wheel's RECORD file");
    case "npm-folder":
      return inFolder(record, digest, facts);
    default:
      return unreachable(record.via);
  }
}

function debian(record: JudgedRecord, digest: Sha256, facts: FileFacts, proofs: Proofs): Opinion {
  const proof = proofs.proofOf(record.purl);
  if (proof === undefined) return recorded(record, digest, facts, "dpkg's own file list");
  if (proof.state !== "derived") return withoutProof(record, digest, facts, proof, uncheckedBasis[proof.state]);
  const packaged = record.packagedAs ?? record.path;
  const expected = proofs.fileIn(record.purl, packaged, digest);
  if (expected === digest)
    return {
      standing: "signed",
      basis: "publisher",
      says: `${shown(record.path)} is byte for byte the file in the signed package ${named(record.purl)}.`,
      chain: [
        noSource(record.purl),
        ...proof.links,
        file("verified", "The file equals the one in the signed archive.", digest, facts),
      ],
    };
  if (expected === undefined && proofs.covers?.(record.purl, packaged) === false)
    return recorded(record, digest, facts, "dpkg's own file list");
  return record.role === "conffile"
    ? editedConffile(record, digest, facts, proof)
    : contradicted(record, digest, facts, proof, expected);
}

const uncheckedBasis = {
  lapsed: "lapsed",
  unsupported: "unsupported",
  failed: "unreachable",
  unreachable: "unreachable",
  stale: "stale-trust",
} as const satisfies Record<Exclude<KnownProof["state"], "derived">, UncheckedBasis>;

function contradicted(
  record: JudgedRecord,
  digest: Sha256,
  facts: FileFacts,
  proof: KnownProof,
  expected: Sha256 | undefined,
): Opinion {
  const why =
    expected === undefined
      ? `${shown(record.path)} is listed for ${named(record.purl)}, whose signed archive holds no such file.`
      : `${shown(record.path)} differs from the file in the signed package ${named(record.purl)}.`;
  const claim =
    record.agrees === "yes" ? " The device's own record agrees with the changed bytes, so it was edited too." : "";
  return {
    standing: "refuted",
    basis: "contradicted",
    says: why + claim,
    chain: [noSource(record.purl), ...proof.links, file("failed", why, digest, facts, expected)],
  };
}

function editedConffile(record: JudgedRecord, digest: Sha256, facts: FileFacts, proof: KnownProof): Opinion {
  const says = `${shown(record.path)} is a configuration file of ${named(record.purl)} and was changed on this device.`;
  return {
    standing: "unproven",
    basis: "none",
    says,
    chain: [noSource(record.purl), ...proof.links, file("missing", says, digest, facts)],
  };
}

/** The signed archive says nothing about this version now; the device's own record is shown, labelled as unsigned. */
function withoutProof(
  record: JudgedRecord,
  digest: Sha256,
  facts: FileFacts,
  proof: KnownProof,
  basis: UncheckedBasis,
): Opinion {
  const local = localWord(record);
  return {
    standing: "unchecked",
    basis,
    wanted: proof.wanted ?? "a signed index that lists this version",
    says: `${proof.says.slice(0, 1500)} ${local.says}`,
    chain: [
      noSource(record.purl),
      ...proof.links,
      { link: "index", state: "missing", says: proof.says.slice(0, 1500) },
      owner(record),
      file(local.state, local.says, digest, facts),
    ],
  };
}

function localWord(record: JudgedRecord): { readonly state: ChainLink["state"]; readonly says: string } {
  switch (record.agrees) {
    case "yes":
      return { state: "recorded", says: "The unsigned record on the device agrees with the bytes." };
    case "no":
      return { state: "failed", says: "Even the unsigned record on the device disagrees with the bytes." };
    case "not-compared":
      return { state: "missing", says: "No record on the device holds a digest of this file." };
    default:
      return unreachable(record.agrees);
  }
}

function recorded(record: JudgedRecord, digest: Sha256, facts: FileFacts, register: string): Opinion {
  const local = localWord(record);
  if (record.agrees !== "yes")
    return {
      standing: "unproven",
      basis: "none",
      says: `${shown(record.path)} belongs to ${named(record.purl)}. ${local.says}`,
      chain: [noArchive(record), owner(record), file(local.state, local.says, digest, facts)],
    };
  const says = `${shown(record.path)} is what ${register} says ${named(record.purl)} installed; nobody signed that record.`;
  return {
    standing: "unproven",
    basis: "recorded",
    says,
    chain: [noArchive(record), owner(record), file("recorded", says, digest, facts)],
  };
}

function pinned(record: JudgedRecord, digest: Sha256, facts: FileFacts): Opinion {
  if (record.agrees !== "yes") return recorded(record, digest, facts, "the tarball in the npm cache");
  const lockfile = shown(record.pinnedBy?.lockfile ?? "a lockfile");
  return {
    standing: "unproven",
    basis: "pinned",
    says: `${shown(record.path)} is the file in the tarball of ${named(record.purl)} that ${lockfile} pins; nobody signed the pin.`,
    chain: [
      {
        link: "signature",
        state: "missing",
        says: "No signature of the registry or the publisher was checked for this tarball.",
      },
      {
        link: "archive",
        state: "verified",
        says: `The tarball's digest equals the one ${lockfile} pins.`,
        facts:
          record.pinnedBy === undefined
            ? {}
            : { integrity: record.pinnedBy.integrity, lockfile: record.pinnedBy.lockfile },
      },
      owner(record),
      file("verified", "The file equals the one in the pinned tarball.", digest, facts),
    ],
  };
}

function inFolder(record: JudgedRecord, digest: Sha256, facts: FileFacts): Opinion {
  const says = `${shown(record.path)} lies in the folder of ${named(record.purl)}, but nothing at hand holds a digest for it.`;
  return {
    standing: "unproven",
    basis: "none",
    says,
    chain: [noArchive(record), owner(record), file("missing", says, digest, facts)],
  };
}

function generated(record: JudgedRecord, digest: Sha256, facts: FileFacts): Opinion {
  const parent = record.parent ?? "an unknown file";
  const says = `${shown(record.path)} was made on this device from ${shown(parent)}; it is worth at most what its parent is worth.`;
  return {
    standing: "unproven",
    basis: "generated",
    says,
    chain: [
      noArchive(record),
      owner(record),
      {
        link: "build",
        state: record.agrees === "yes" ? "recorded" : "missing",
        says:
          record.agrees === "yes"
            ? `Its header names the size and time of ${shown(parent)} as it is now.`
            : `Nothing ties it to the present bytes of ${shown(parent)}.`,
        facts: record.parentDigest === undefined ? { parent } : { parent, parentSha256: record.parentDigest },
      },
      file("recorded", says, digest, facts),
    ],
  };
}

function unclaimed(facts: FileFacts, digest: Sha256): Verdict {
  const says = `Nothing on this device and no evidence at hand claims ${shown(facts.path)}.`;
  return {
    standing: "unproven",
    basis: "none",
    says,
    chain: [
      { link: "package", state: "missing", says: "No installed package lists this file." },
      file("missing", says, digest, facts),
    ],
  };
}

function unreadable(facts: FileFacts): Verdict {
  const says = `${shown(facts.path)} could not be read: ${facts.unreadable ?? "no reason was given"}.`;
  return {
    standing: "unchecked",
    basis: "unreadable",
    wanted: "permission to read the file's bytes",
    says,
    chain: [{ link: "file", state: "missing", says, facts: identityFacts(facts) }],
  };
}

/** Two packages may claim one path. Proof of these very bytes settles it; then a contradiction; then the best that is left. */
function strongest(opinions: readonly Opinion[]): Opinion | undefined {
  return opinions.toSorted((a, b) => rank(a) - rank(b))[0];
}

function rank(opinion: Opinion): number {
  const byStanding: Record<Standing, number> = { proven: 0, signed: 1, refuted: 2, unchecked: 5, unproven: 6 };
  if (opinion.standing === "unproven") {
    if (opinion.basis === "pinned") return 3;
    if (opinion.basis === "recorded") return 6;
    if (opinion.basis === "generated" || opinion.basis === "claimed") return 7;
    // A record that disagrees says more than a folder that holds no digest.
    return opinion.chain.some((link) => link.state === "failed") ? 8 : 9;
  }
  return byStanding[opinion.standing];
}

/** Distributions sign archives, not the way from a commit to an archive: the first missing link of every such chain. */
const noSource = (purl: Purl): ChainLink => ({
  link: "source",
  state: "missing",
  says: `Nobody has published how ${named(purl)} was built from its source; a rebuild attestation would show it.`,
});

const noArchive = (record: JudgedRecord): ChainLink => ({
  link: "archive",
  state: "missing",
  says: `No signed archive of ${named(record.purl)} has been compared with this device.`,
});

const owner = (record: JudgedRecord): ChainLink => ({
  link: "package",
  state: "recorded",
  says: `The device's own database says the file belongs to ${named(record.purl)}.`,
  facts: record.packagedAs === undefined ? { purl: record.purl } : { purl: record.purl, packagedAs: record.packagedAs },
});

function file(state: ChainLink["state"], says: string, digest: Sha256, facts: FileFacts, expected?: Sha256): ChainLink {
  const seen = { sha256: digest, ...identityFacts(facts) };
  return { link: "file", state, says, facts: expected === undefined ? seen : { ...seen, expectedSha256: expected } };
}

const identityFacts = (facts: FileFacts): Record<string, string> => ({
  path: facts.path,
  ...(facts.root === "" ? {} : { root: facts.root }),
  size: String(facts.identity.size),
  inode: String(facts.identity.ino),
  changed: timeText(facts.identity.ctimeMs),
});

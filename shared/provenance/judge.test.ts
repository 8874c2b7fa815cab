import { createHash } from "node:crypto";
import { assert, constantFrom, property, record, array, option, boolean } from "fast-check";
import { describe, expect, test } from "vitest";
import type { Instant, Purl, Sha256 } from "../model/ids.ts";
import type { FileFacts, JudgedRecord } from "../model/inventory.ts";
import type { Verdict } from "../model/verdict.ts";
import { archiveSubject } from "./archive-subject.ts";
import { judge } from "./judge.ts";
import type { KnownProof, Proofs } from "./judge.ts";

const digestOf = (text: string): Sha256 => createHash("sha256").update(text).digest("hex") as Sha256;
const purlOf = (name: string): Purl => `pkg:deb/debian/${name}@1.0-1?arch=amd64` as Purl;
const recordOf = (path: string, name: string, more: Partial<JudgedRecord> = {}): JudgedRecord => ({
  path,
  purl: purlOf(name),
  via: "dpkg-md5sums",
  role: "file",
  agrees: "yes",
  ...more,
});
const factsOf = (path: string, more: Partial<FileFacts>): FileFacts => ({
  path,
  root: "",
  kind: "elf",
  identity: { dev: 1, ino: 2, size: 3, ctimeMs: 4.5 },
  mode: 0o755,
  uid: 0,
  records: [],
  seenAt: 5 as Instant,
  ...more,
});

const good = digestOf("good");
const evil = digestOf("evil");
const path = "/usr/bin/tool";

const links = [{ link: "archive", state: "verified", says: "signed" }] as const;
const derived: KnownProof = { state: "derived", says: "known", links };
const withState = (state: KnownProof["state"]): KnownProof => ({
  state,
  says: `It is ${state}.`,
  wanted: "more",
  links: [],
});

/** A proof of one package: its state and the digests that its builds give each path. */
const knowing = (
  known: Readonly<
    Record<string, { readonly proof: KnownProof; readonly files?: Readonly<Record<string, readonly Sha256[]>> }>
  >,
): Proofs => ({
  proofOf: (purl) => known[purl]?.proof,
  attestedOf: () => undefined,
  fileIn(purl, packagedPath, found) {
    const digests = known[purl]?.files?.[packagedPath];
    return digests?.includes(found) === true ? found : digests?.[0];
  },
});

const tool = purlOf("tool");
const nothing = knowing({});
const signedGood = knowing({ [tool]: { proof: derived, files: { [path]: [good] } } });
const say = (facts: FileFacts, proofs: Proofs): string => {
  const { standing, basis } = judge(facts, proofs);
  return `${standing}: ${basis}`;
};
const fileWith = (digest: Sha256, ...records: JudgedRecord[]): FileFacts => factsOf(path, { digest, records });
const dpkg = (more: Partial<JudgedRecord> = {}): JudgedRecord => recordOf(path, "tool", more);

describe("the verdict on one file", () => {
  test.each<readonly [string, FileFacts, Proofs, string]>([
    ["the signed archive's very bytes", fileWith(good, dpkg()), signedGood, "signed: publisher"],
    [
      "the very bytes, though md5sums disagrees",
      fileWith(good, dpkg({ agrees: "no" })),
      signedGood,
      "signed: publisher",
    ],
    [
      "the very bytes of a file dpkg only lists",
      fileWith(good, dpkg({ via: "dpkg-list", agrees: "not-compared" })),
      signedGood,
      "signed: publisher",
    ],
    ["changed bytes", fileWith(evil, dpkg({ agrees: "no" })), signedGood, "refuted: contradicted"],
    [
      "a file that the device met after it asked, and its record agrees",
      fileWith(good, dpkg()),
      { ...knowing({ [tool]: { proof: derived, files: {} } }), covers: () => false },
      "unproven: recorded",
    ],
    [
      "a file that the device met after it asked, and its record disagrees",
      fileWith(evil, dpkg({ agrees: "no" })),
      { ...knowing({ [tool]: { proof: derived, files: {} } }), covers: () => false },
      "unproven: none",
    ],
    [
      "a file that was asked about and stands in no signed build",
      fileWith(good, dpkg()),
      { ...knowing({ [tool]: { proof: derived, files: {} } }), covers: () => true },
      "refuted: contradicted",
    ],
    [
      "changed bytes of a file that was asked about",
      fileWith(evil, dpkg()),
      { ...signedGood, covers: () => true },
      "refuted: contradicted",
    ],
    [
      "changed bytes with md5sums edited to match",
      fileWith(evil, dpkg({ agrees: "yes" })),
      signedGood,
      "refuted: contradicted",
    ],
    [
      "a file that is listed but not in the archive",
      fileWith(good, dpkg()),
      knowing({ [tool]: { proof: derived } }),
      "refuted: contradicted",
    ],
    [
      "the same bytes under another path of the package",
      fileWith(good, dpkg()),
      knowing({ [tool]: { proof: derived, files: { "/usr/bin/other": [good] } } }),
      "refuted: contradicted",
    ],
    [
      "a diverted file under its packaged path",
      fileWith(good, dpkg({ packagedAs: "/usr/bin/other" })),
      knowing({ [tool]: { proof: derived, files: { "/usr/bin/other": [good] } } }),
      "signed: publisher",
    ],
    [
      "a maintainer script",
      fileWith(good, dpkg({ packagedAs: "DEBIAN/postinst" })),
      knowing({ [tool]: { proof: derived, files: { "DEBIAN/postinst": [good] } } }),
      "signed: publisher",
    ],
    [
      "the bytes of a second signed build",
      fileWith(evil, dpkg()),
      knowing({ [tool]: { proof: derived, files: { [path]: [good, evil] } } }),
      "signed: publisher",
    ],
    ["a configuration file as packaged", fileWith(good, dpkg({ role: "conffile" })), signedGood, "signed: publisher"],
    [
      "a configuration file that was edited",
      fileWith(evil, dpkg({ role: "conffile", agrees: "no" })),
      signedGood,
      "unproven: none",
    ],
    [
      "a lapsed version whose record agrees",
      fileWith(good, dpkg()),
      knowing({ [tool]: { proof: withState("lapsed") } }),
      "unchecked: lapsed",
    ],
    [
      "a lapsed version whose record disagrees",
      fileWith(good, dpkg({ agrees: "no" })),
      knowing({ [tool]: { proof: withState("lapsed") } }),
      "unchecked: lapsed",
    ],
    [
      "a lapsed version without a digest",
      fileWith(good, dpkg({ agrees: "not-compared" })),
      knowing({ [tool]: { proof: withState("lapsed") } }),
      "unchecked: lapsed",
    ],
    [
      "an archive in a form that is not read",
      fileWith(good, dpkg()),
      knowing({ [tool]: { proof: withState("unsupported") } }),
      "unchecked: unsupported",
    ],
    [
      "an archive that answered wrongly",
      fileWith(good, dpkg()),
      knowing({ [tool]: { proof: withState("failed") } }),
      "unchecked: unreachable",
    ],
    [
      "an archive that is away",
      fileWith(good, dpkg()),
      knowing({ [tool]: { proof: withState("unreachable") } }),
      "unchecked: unreachable",
    ],
    [
      "an archive whose index is too old",
      fileWith(good, dpkg()),
      knowing({ [tool]: { proof: withState("stale") } }),
      "unchecked: stale-trust",
    ],
    ["nothing known of the package yet, md5sums agrees", fileWith(good, dpkg()), nothing, "unproven: recorded"],
    [
      "nothing known of the package yet, md5sums disagrees",
      fileWith(good, dpkg({ agrees: "no" })),
      nothing,
      "unproven: none",
    ],
    [
      "nothing known of the package yet, nothing compared",
      fileWith(good, dpkg({ agrees: "not-compared" })),
      nothing,
      "unproven: none",
    ],
    ["a wheel's RECORD that agrees", fileWith(good, dpkg({ via: "pypi-record" })), nothing, "unproven: recorded"],
    [
      "a wheel's RECORD that disagrees",
      fileWith(good, dpkg({ via: "pypi-record", agrees: "no" })),
      nothing,
      "unproven: none",
    ],
    [
      "a wheel's RECORD under a derived Debian proof of the same name",
      fileWith(good, dpkg({ via: "pypi-record" })),
      signedGood,
      "unproven: recorded",
    ],
    [
      "a pinned tarball",
      fileWith(good, dpkg({ via: "npm-cache", pinnedBy: { lockfile: "/l", integrity: "sha512-x" } })),
      nothing,
      "unproven: pinned",
    ],
    [
      "a pinned tarball that disagrees",
      fileWith(good, dpkg({ via: "npm-cache", agrees: "no" })),
      nothing,
      "unproven: none",
    ],
    [
      "a file in a package's folder",
      fileWith(good, dpkg({ via: "npm-folder", agrees: "not-compared" })),
      nothing,
      "unproven: none",
    ],
    [
      "a generated file that names its parent",
      fileWith(good, dpkg({ role: "generated", via: "pypi-record", parent: "/a.py" })),
      nothing,
      "unproven: generated",
    ],
    [
      "a generated file in a proven package",
      fileWith(good, dpkg({ role: "generated", agrees: "no" })),
      signedGood,
      "unproven: generated",
    ],
    ["no owner at all", fileWith(good), signedGood, "unproven: none"],
    [
      "an unreadable file, whatever is known",
      { ...factsOf(path, { records: [dpkg()], unreadable: "EACCES" }), digest: undefined } as never,
      signedGood,
      "unchecked: unreadable",
    ],
    [
      "two owners, one of which signed these bytes",
      fileWith(good, recordOf(path, "other"), dpkg()),
      knowing({
        [tool]: { proof: derived, files: { [path]: [good] } },
        [purlOf("other")]: { proof: derived, files: { [path]: [evil] } },
      }),
      "signed: publisher",
    ],
    [
      "two owners, one contradicted and one lapsed",
      fileWith(evil, recordOf(path, "other"), dpkg()),
      knowing({
        [tool]: { proof: derived, files: { [path]: [good] } },
        [purlOf("other")]: { proof: withState("lapsed") },
      }),
      "refuted: contradicted",
    ],
    [
      "two owners, contradicted by one and pinned by another",
      fileWith(evil, recordOf(path, "other", { via: "npm-cache" }), dpkg()),
      signedGood,
      "refuted: contradicted",
    ],
    [
      "two owners, recorded by one and in the folder of another",
      fileWith(good, recordOf(path, "other", { via: "npm-folder", agrees: "not-compared" }), dpkg()),
      nothing,
      "unproven: recorded",
    ],
  ])("%s", (_name, facts, proofs, expected) => {
    expect(say(facts, proofs)).toBe(expected);
  });
});

test("a record that disagrees is shown before a folder that says nothing", () => {
  const facts = fileWith(
    good,
    recordOf(path, "other", { via: "npm-folder", agrees: "not-compared" }),
    dpkg({ agrees: "no" }),
  );
  expect(judge(facts, nothing).says).toMatch(/disagrees/);
});

test("an edited md5sums is named as edited", () => {
  expect(judge(fileWith(evil, dpkg()), signedGood).says).toMatch(/it was edited too/);
  expect(judge(fileWith(evil, dpkg({ agrees: "no" })), signedGood).says).not.toMatch(/edited too/);
});

test.each(["yes", "no", "not-compared"] as const)(
  "a lapsed version tells what the local record is worth: %s",
  (agrees) => {
    const verdict = judge(fileWith(good, dpkg({ agrees })), knowing({ [tool]: { proof: withState("lapsed") } }));
    const words = { yes: /agrees with the bytes/, no: /disagrees/, "not-compared": /holds a digest/ };
    expect(verdict.says).toMatch(words[agrees]);
    expect(verdict.chain.every(({ state }) => state !== "verified")).toBe(true);
  },
);

const anyRecord = record({
  via: constantFrom("dpkg-list", "dpkg-md5sums", "pypi-record", "npm-folder", "npm-cache"),
  role: constantFrom("file", "conffile", "generated"),
  agrees: constantFrom("yes", "no", "not-compared"),
  name: constantFrom("tool", "other", "unknown"),
  packagedAs: option(constantFrom("/usr/bin/tool", "/usr/bin/else", "DEBIAN/postinst"), { nil: undefined }),
  parent: option(constantFrom("/a.py"), { nil: undefined }),
});
const anyProof = record({
  state: constantFrom("derived", "lapsed", "unsupported", "failed", "unreachable", "stale"),
  files: array(
    record({ at: constantFrom("/usr/bin/tool", "/usr/bin/else", "DEBIAN/postinst"), digest: constantFrom(good, evil) }),
    { maxLength: 3 },
  ),
});

test("no verdict is signed unless a derived proof holds exactly this digest for this path of one of the file's owners", () => {
  assert(
    property(
      array(anyRecord, { maxLength: 4 }),
      record({ tool: option(anyProof), other: option(anyProof) }),
      constantFrom(good, evil),
      boolean(),
      (records, known, digest, readable) => {
        const proofs = knowing(
          Object.fromEntries(
            Object.entries(known).flatMap(([name, proof]) => {
              if (proof === null) return [];
              const files: Record<string, Sha256[]> = {};
              for (const { at, digest: holds } of proof.files) (files[at] ??= []).push(holds);
              return [[purlOf(name), { proof: { ...withState(proof.state), links }, files }]];
            }),
          ),
        );
        const made = records.map(({ name, packagedAs, parent, ...more }): JudgedRecord =>
          recordOf(path, name, {
            ...more,
            ...(packagedAs === undefined ? {} : { packagedAs }),
            ...(parent === undefined ? {} : { parent }),
          }),
        );
        const { digest: _, ...blind } = fileWith(digest, ...made);
        const facts = readable ? fileWith(digest, ...made) : blind;
        const verdict = judge(facts, proofs);
        const held = made.some((each) => {
          const proof = each.purl === tool ? known.tool : each.purl === purlOf("other") ? known.other : null;
          const at = each.packagedAs ?? path;
          return (
            each.via.startsWith("dpkg") &&
            each.role !== "generated" &&
            proof?.state === "derived" &&
            proof.files.some((file) => file.at === at && file.digest === digest)
          );
        });
        expect(verdict.standing === "signed").toBe(readable && held);
        expect(verdict.standing).not.toBe("proven");
        expect(verdict.chain.length).toBeGreaterThan(0);
        expect(verdict.says.length).toBeLessThan(2000);
        // The same facts and proofs give the same answer.
        expect(judge(facts, proofs)).toEqual(verdict);
      },
    ),
    { numRuns: 2000 },
  );
});

const documented = (
  verdict: Partial<Verdict> & Pick<Verdict, "standing">,
  of: Sha256,
  base: Proofs = nothing,
): Proofs => ({
  ...base,
  attestedOf: (subject) =>
    subject === of
      ? ({ basis: "source", says: "Documents say so.", wanted: "more", chain: builtBy, ...verdict } as Verdict)
      : undefined,
});
const builtBy = [
  { link: "source", state: "verified", says: "Built from a repository" },
  { link: "build", state: "verified", says: "Built by a builder" },
  { link: "file", state: "verified", says: "of the document" },
] as const;
const tarball = digestOf("tarball");
const pinnedBy = { lockfile: "/l", integrity: "", archive: tarball, purl: tool };
const fromCache = (agrees: "yes" | "no"): JudgedRecord => dpkg({ via: "npm-cache", agrees, pinnedBy });
const key = archiveSubject({ pinnedBy })?.key ?? good;
const inArchive = knowing({ [tool]: { proof: { ...derived, archive: tarball }, files: { [path]: [good] } } });

describe("documents about the bytes", () => {
  test.each<readonly [string, FileFacts, Proofs, string]>([
    [
      "prove a file that nothing else claims",
      fileWith(good),
      documented({ standing: "proven" }, good),
      "proven: source",
    ],
    [
      "prove a file that its package's archive also signs",
      fileWith(good, dpkg()),
      documented({ standing: "proven" }, good, signedGood),
      "proven: source",
    ],
    ["say nothing of other bytes", fileWith(evil), documented({ standing: "proven" }, good), "unproven: none"],
    [
      "withdraw a file though its archive is signed",
      fileWith(good, dpkg()),
      documented({ standing: "refuted", basis: "revoked" }, good, signedGood),
      "refuted: revoked",
    ],
    [
      "that are forged do not outweigh a signed archive",
      fileWith(good, dpkg()),
      documented({ standing: "refuted", basis: "forged" }, good, signedGood),
      "signed: publisher",
    ],
    [
      "that are forged refute where only a record agrees",
      fileWith(good, dpkg()),
      documented({ standing: "refuted", basis: "forged" }, good),
      "refuted: forged",
    ],
    [
      "that nobody can read leave a record its word",
      fileWith(good, dpkg()),
      documented({ standing: "unchecked", basis: "unsupported" }, good),
      "unproven: recorded",
    ],
    [
      "that nobody can read are named where nothing else is known",
      fileWith(good),
      documented({ standing: "unchecked", basis: "unsupported" }, good),
      "unchecked: unsupported",
    ],
    [
      "under stale trust are no guilt and no proof",
      fileWith(good, dpkg()),
      documented({ standing: "unchecked", basis: "stale-trust" }, good),
      "unchecked: stale-trust",
    ],
    [
      "about the archive that an index lists carry to its files",
      fileWith(good, dpkg()),
      documented({ standing: "proven" }, tarball, inArchive),
      "proven: source",
    ],
    [
      "about the archive do not carry to changed bytes",
      fileWith(evil, dpkg()),
      documented({ standing: "proven" }, tarball, inArchive),
      "refuted: contradicted",
    ],
    [
      "that withdraw the archive withdraw its files",
      fileWith(good, dpkg()),
      documented({ standing: "refuted", basis: "revoked" }, tarball, inArchive),
      "refuted: revoked",
    ],
    [
      "about a tarball carry to the files that stand in it",
      fileWith(good, fromCache("yes")),
      documented({ standing: "signed", basis: "publisher" }, key),
      "signed: publisher",
    ],
    [
      "about a tarball do not carry to a file that differs",
      fileWith(good, fromCache("no")),
      documented({ standing: "proven" }, key),
      "unproven: none",
    ],
  ])("%s", (_what, facts, proofs, word) => {
    expect(say(facts, proofs)).toBe(word);
  });

  test("the chain ends at this place on this device, and says whose package it is", () => {
    const { chain } = judge(fileWith(good, dpkg()), documented({ standing: "proven" }, good));
    expect(chain.map(({ link }) => link)).toEqual(["source", "build", "package", "file"]);
    expect(chain.at(-1)).toMatchObject({ state: "verified", facts: { path, sha256: good } });
  });

  test("the chain of a file in a proven archive keeps the archive's links", () => {
    const { chain } = judge(fileWith(good, dpkg()), documented({ standing: "proven" }, tarball, inArchive));
    expect(chain.map(({ link, state }) => `${link} ${state}`)).toEqual([
      "source verified",
      "build verified",
      "archive verified",
      "file verified",
    ]);
  });
});

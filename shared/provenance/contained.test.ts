import { createHash } from "node:crypto";
import { assert, asyncProperty, constantFrom, integer, nat } from "fast-check";
import { gzipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { forgeAr } from "../../test/support/forge-archive.ts";
import { forgeRpm } from "../../test/support/forge-rpm.ts";
import { forgeTar, pax } from "../../test/support/forge-tar.ts";
import { forgeZip } from "../../test/support/forge-zip.ts";
import { instant, type Sha256 } from "../model/ids.ts";
import { linkKinds, type Standing, type Verdict } from "../model/verdict.ts";
import type { ArchiveContents, ArchiveReading } from "./containers/archive.ts";
import { inMemory, readArchive } from "./containers/read-archive.ts";
import { type Contained, judgeContained, type JudgedArchive } from "./contained.ts";

const digest = (bytes: string | Uint8Array): Sha256 => createHash("sha256").update(bytes).digest("hex") as Sha256;
const signal = new AbortController().signal;
const bytes = forgeZip([
  { name: "bin/tool", data: "the tool" },
  { name: "bin/other", data: "the other" },
  { name: "bin/link", data: "tool", mode: 0o120777 },
]);
const reading = await readArchive(inMemory(bytes), { signal });
const contents = (): ArchiveContents => {
  if (!reading.ok) throw new Error(reading.why);
  return reading.contents;
};

const rest = {
  says: "So it is.",
  chain: [
    { link: "file", state: "verified", says: "The archive equals what was signed." },
    { link: "device", state: "recorded", says: "A device told it." },
    { link: "source", state: "verified", says: "From this commit." },
    { link: "signature", state: "verified", says: "By this key." },
  ],
} as const;
const verdicts: Readonly<Record<Standing | "pinned", Verdict>> = {
  proven: { standing: "proven", basis: "source", slsaLevel: 3, ...rest },
  signed: { standing: "signed", basis: "publisher", ...rest },
  pinned: { standing: "unproven", basis: "pinned", ...rest },
  unproven: { standing: "unproven", basis: "none", ...rest },
  refuted: { standing: "refuted", basis: "forged", ...rest },
  unchecked: { standing: "unchecked", basis: "stale-trust", wanted: "a current trust document", ...rest },
};
const archive = (verdict: Verdict, sha256 = digest(bytes)): JudgedArchive => ({
  verdict,
  sha256,
  trustVersion: "trust 7",
  at: instant(1000),
});
const verdictOf = (contained: Contained): Partial<Verdict> =>
  contained.kind === "judged" ? contained.judged.verdict : {};
const tool = { sha256: digest("the tool"), path: "bin/tool" };

test.each<[Standing | "pinned", Partial<Verdict>]>([
  ["proven", { standing: "proven", basis: "source", slsaLevel: 3 }],
  ["signed", { standing: "signed", basis: "publisher" }],
  ["pinned", { standing: "unproven", basis: "pinned" }],
  ["unproven", { standing: "unproven", basis: "none" }],
  ["refuted", { standing: "refuted", basis: "forged" }],
  ["unchecked", { standing: "unchecked", basis: "stale-trust", wanted: "a current trust document" }],
])("a file inside stands as its archive does: %s", (standing, want) => {
  const contained = judgeContained(archive(verdicts[standing]), reading, tool);
  expect(contained).toMatchObject({ kind: "judged", judged: { verdict: want, trustVersion: "trust 7", at: 1000 } });
  expect(verdictOf(contained).says).toContain("So it is.");
});

test("the chain leads from the source through the archive to the place in it", () => {
  const { chain = [] } = verdictOf(judgeContained(archive(verdicts.proven), reading, tool));
  expect(chain.map(({ link, state }) => `${link} ${state}`)).toEqual([
    "source verified",
    "signature verified",
    "archive verified",
    "archive verified",
    "file verified",
  ]);
  expect(chain.at(-2)?.facts).toMatchObject({ sha256: digest(bytes), container: "zip", entries: "3" });
  expect(chain.at(-1)?.facts).toEqual({ path: "bin/tool", size: "8", sha256: tool.sha256 });
  expect(chain.every(({ link }) => linkKinds.includes(link))).toBe(true);
});

test("the name a file has elsewhere does not matter, its bytes do", () => {
  const moved = { sha256: tool.sha256, path: "opt/tool" };
  expect(verdictOf(judgeContained(archive(verdicts.signed), reading, moved)).standing).toBe("signed");
  expect(verdictOf(judgeContained(archive(verdicts.signed), reading, { sha256: tool.sha256 })).standing).toBe("signed");
});

describe("a path of the archive with other bytes", () => {
  const changed = { sha256: digest("changed"), path: "bin/tool" };

  test.each<[Standing | "pinned", Partial<Verdict>]>([
    ["proven", { standing: "refuted", basis: "contradicted" }],
    ["signed", { standing: "refuted", basis: "contradicted" }],
    ["pinned", { standing: "unproven", basis: "none" }],
    ["unproven", { standing: "unproven", basis: "none" }],
  ])("where the archive is %s", (standing, want) => {
    const verdict = verdictOf(judgeContained(archive(verdicts[standing]), reading, changed));
    expect(verdict).toMatchObject(want);
    expect(verdict.chain?.at(-1)).toMatchObject({
      link: "file",
      state: "failed",
      facts: { sha256: changed.sha256, expectedSha256: tool.sha256 },
    });
  });

  test.each(["refuted", "unchecked"] as const)("accuses nobody where the archive is %s", (standing) => {
    expect(judgeContained(archive(verdicts[standing]), reading, changed).kind).toBe("foreign");
  });

  test("also where the bytes are those of another file inside", () => {
    const swapped = { sha256: digest("the other"), path: "bin/tool" };
    expect(verdictOf(judgeContained(archive(verdicts.signed), reading, swapped)).basis).toBe("contradicted");
  });

  test("but not where the archive holds a link under it", () => {
    const behind = { sha256: digest("elsewhere"), path: "bin/link" };
    expect(judgeContained(archive(verdicts.signed), reading, behind).kind).toBe("foreign");
  });
});

test("a file that is not inside is not the archive's business", () => {
  expect(judgeContained(archive(verdicts.proven), reading, { sha256: digest("new"), path: "bin/new" })).toEqual({
    kind: "foreign",
    why: "no file in the archive has these bytes",
  });
});

test("an archive that could not be read to its end proves nothing", () => {
  const cut: ArchiveReading = { ok: false, basis: "unreadable", why: "it is cut short" };
  expect(verdictOf(judgeContained(archive(verdicts.proven), cut, tool))).toMatchObject({
    standing: "unchecked",
    basis: "unreadable",
    says: expect.stringContaining("it is cut short") as string,
  });
});

test("a listing of another archive proves nothing", () => {
  const other = archive(verdicts.proven, digest("another archive"));
  expect(verdictOf(judgeContained(other, reading, tool))).toMatchObject({ standing: "unchecked", basis: "unreadable" });
});

test("where two parts hold one path, the part that is meant counts", () => {
  const [first, second] = [digest("control"), digest("data")];
  const file = { kind: "file", path: "x", size: 1, mode: 0, digests: {} } as const;
  const parts: ArchiveReading = {
    ok: true,
    contents: {
      ...contents(),
      entries: [
        { ...file, part: "control", sha256: first },
        { ...file, part: "data", sha256: second },
      ],
    },
  };
  const asked = (sha256: Sha256, part?: string) =>
    verdictOf(
      judgeContained(archive(verdicts.signed), parts, { sha256, path: "x", ...(part === undefined ? {} : { part }) }),
    ).standing;
  expect([asked(first), asked(second), asked(first, "data"), asked(second, "data")]).toEqual([
    "signed",
    "signed",
    "refuted",
    "signed",
  ]);
});

const kinds: Readonly<Record<string, Uint8Array>> = {
  zip: bytes,
  tar: forgeTar([
    { name: "bin/tool", data: "the tool" },
    { name: "bin/same", type: "1", target: "bin/tool" },
  ]),
  tgz: gzipSync(forgeTar([pax({ path: "bin/tool" }), { name: "x", data: "the tool" }])),
  deb: forgeAr([
    ["debian-binary", Buffer.from("2.0\n")],
    ["control.tar", Buffer.from(forgeTar([{ name: "control", data: "Package: a\n" }]))],
    ["data.tar.gz", Buffer.from(gzipSync(forgeTar([{ name: "bin/tool", data: "the tool" }])))],
  ]),
  gem: forgeTar([
    { name: "metadata.gz", data: "x" },
    { name: "data.tar.gz", data: gzipSync(forgeTar([{ name: "bin/tool", data: "the tool" }])) },
  ]),
  rpm: forgeRpm([{ path: "/bin/tool", data: "the tool" }], { compressor: "gzip", pack: (cpio) => gzipSync(cpio) }),
};
const mutate: Readonly<Record<string, (bytes: Uint8Array, at: number, value: number) => Uint8Array>> = {
  flip: (bytes, at, value) => Uint8Array.from(bytes, (byte, index) => (index === at ? byte ^ value : byte)),
  cut: (bytes, at) => bytes.subarray(0, at),
  insert: (bytes, at, value) => Uint8Array.from([...bytes.subarray(0, at), value, ...bytes.subarray(at)]),
  swap: (bytes, at, value) => Uint8Array.from([...bytes.subarray(at), ...bytes.subarray(0, at), value]),
};
const digestsIn = (read: ArchiveReading): readonly Sha256[] =>
  read.ok ? read.contents.entries.flatMap((entry) => ("sha256" in entry ? [entry.sha256] : [])) : [];

test.each(Object.entries(kinds))(
  "a changed %s never makes the original's proof carry to anything, and never throws",
  async (_, original) => {
    const whole = await readArchive(inMemory(original), { signal });
    expect(digestsIn(whole)).toContain(tool.sha256);
    const proof = archive(verdicts.proven, digest(original));
    await assert(
      asyncProperty(
        nat(original.length - 1),
        integer({ min: 1, max: 255 }),
        constantFrom(...Object.keys(mutate)),
        async (at, value, how) => {
          const mutant = mutate[how]?.(original, at, value) ?? original;
          const read = await readArchive(inMemory(mutant), { signal });
          expect(read.ok ? read.contents.sha256 : digest(mutant)).toBe(digest(mutant));
          for (const sha256 of [...digestsIn(read), ...digestsIn(whole)])
            expect(["proven", "signed"]).not.toContain(verdictOf(judgeContained(proof, read, { sha256 })).standing);
          // Nor does the original's listing take in a file that is not in it.
          const strangers = digestsIn(read).filter((sha256) => !digestsIn(whole).includes(sha256));
          for (const sha256 of strangers) expect(judgeContained(proof, whole, { sha256 }).kind).toBe("foreign");
        },
      ),
      { numRuns: 300 },
    );
  },
);

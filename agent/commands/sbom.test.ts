import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { instant, type Purl, type Sha256 } from "@provost/shared/model/ids.ts";
import type { FileFacts, InstalledPackage } from "@provost/shared/model/inventory.ts";
import { cycloneDxVersions } from "@provost/shared/sbom/cyclonedx/read-cyclonedx.ts";
import { validateCycloneDx } from "@provost/shared/sbom/cyclonedx/validate.ts";
import { readDocument } from "@provost/shared/sbom/read.ts";
import type { Sbom } from "@provost/shared/sbom/sbom.ts";
import { insertFile, rowOf } from "../inventory/file-rows.ts";
import { openState, writeMeta } from "../state/state.ts";
import type { ExitCode } from "./exit-codes.ts";
import { sbom, type SbomOptions } from "./sbom.ts";
import { openTerminal } from "./terminal.ts";

const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "provost-sbom-")));
const stateFolder = join(folder, "state");
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function put(path: string, content: string | Uint8Array, mode = 0o644): void {
  const full = join(folder, "tree", path);
  fs.mkdirSync(dirname(full), { recursive: true });
  fs.writeFileSync(full, content, { mode });
}

const plain: SbomOptions = {
  format: "cyclonedx",
  specVersion: undefined,
  timestamp: "2026-01-31T12:00:00Z",
  serial: undefined,
  sourceDateEpoch: undefined,
};

function run(subject: string, options: Partial<SbomOptions> = {}): { code: ExitCode; out: string; err: string } {
  const [out, err]: [string[], string[]] = [[], []];
  const terminal = openTerminal({ write: (text) => out.push(text) }, { write: (text) => err.push(text) }, {});
  const stop = new AbortController().signal;
  const request = { folder: stateFolder, json: false, terminal, cwd: folder, env: {}, now: () => 86_400_000, stop };
  const code = sbom(request, subject, { ...plain, ...options });
  return { code, out: out.join(""), err: err.join("") };
}

function read(text: string): Sbom {
  const reading = readDocument(Buffer.from(text));
  if (reading.kind !== "sbom") throw new Error(reading.kind === "refused" ? reading.why : "a VEX document");
  return reading.sbom;
}

/** By the published schema where there is one; of SPDX, our own reader is the judge. */
async function accepted(text: string): Promise<{ readonly ok: boolean }> {
  const { format, specVersion } = read(text);
  const version = cycloneDxVersions.find((one) => format === "cyclonedx" && one === specVersion);
  return version === undefined ? { ok: format === "spdx" } : validateCycloneDx(JSON.parse(text), version);
}

const hostile = "bin/evil\u001b]0;owned\u0007\n\u202e";
const shown = "bin/evil\\x1b]0;owned\\x07\\x0a\\xe2\\x80\\xae";
const sha = "ab".repeat(32) as Sha256;
const purl = "pkg:deb/debian/tool@1.0?arch=amd64" as Purl;

beforeAll(() => {
  put("root/usr/bin/tool", "#!/bin/sh\n", 0o755);
  put("root/usr/bin/stray", "#!/bin/sh\necho\n", 0o755);
  put(
    "root/var/lib/dpkg/status",
    "Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0\nMaintainer: A <a@b.c>\n\n",
  );
  put("root/var/lib/dpkg/info/tool.list", "/.\n/usr/bin/tool\n");
  put(
    "app/node_modules/left/package.json",
    '{"name":"left","version":"1.0.0","license":"MIT","dependencies":{"right":"2","gone":"1"}}',
  );
  put("other/node_modules/left/package.json", '{"name":"left","version":"1.0.0"}');
  put("app/node_modules/left/cli.js", "#!/usr/bin/env node\n", 0o755);
  put("app/node_modules/left/node_modules/right/package.json", '{"name":"right","version":"2.0.0","license":"ask me"}');
  put(
    "venv/lib/python3.11/site-packages/Odd_Name-3.dist-info/METADATA",
    "Name: Odd_Name\nVersion: 3\nLicense-Expression: MIT OR Apache-2.0\n\n",
  );
  put("venv/lib/python3.11/site-packages/Odd_Name-3.dist-info/RECORD", "../../../bin/odd,,\n");
  put("venv/bin/odd", "#!/usr/bin/python3\n", 0o755);
  put("data.txt", "data\n");
  put(hostile, "#!/bin/sh\n", 0o755);
  const state = openState(stateFolder);
  const packages: readonly InstalledPackage[] = [
    {
      purl,
      ecosystem: "deb",
      name: "tool",
      version: "1.0",
      arch: "amd64",
      origin: "A <a@b.c>",
      location: "/var/lib/dpkg",
      root: "",
      source: { name: "tool-src", version: "1.0" },
    },
    {
      purl: "pkg:npm/left@1.0.0" as Purl,
      ecosystem: "npm",
      name: "left",
      version: "1.0.0",
      location: "/srv/a/node_modules/left",
      root: "",
    },
    {
      purl: "pkg:npm/left@1.0.0" as Purl,
      ecosystem: "npm",
      name: "left",
      version: "1.0.0",
      location: "/srv/b/node_modules/left",
      root: "",
      integrity: "sha512-AAAA",
    },
  ];
  for (const item of packages)
    state
      .prepare("INSERT INTO packages (root, location, purl, body, pass) VALUES (?, ?, ?, ?, 1)")
      .run(item.root, item.location, item.purl, JSON.stringify(item));
  const facts = (path: string, owner: Purl | undefined, digest: Sha256 | undefined): FileFacts => ({
    path,
    root: "",
    kind: "elf",
    identity: { dev: 1, ino: 1, size: 1, ctimeMs: 1 },
    mode: 0o755,
    uid: 0,
    ...(digest === undefined ? { unreadable: "it is gone" } : { digest }),
    records: owner === undefined ? [] : [{ path, purl: owner, via: "dpkg-list", role: "file", agrees: "not-compared" }],
    seenAt: instant(1),
  });
  const signed = { standing: "signed", basis: "publisher", says: "signed" } as const;
  for (const one of [
    facts("/usr/bin/tool", purl, sha),
    facts("/srv/b/node_modules/left/cli.js", "pkg:npm/left@1.0.0" as Purl, sha),
    facts("/usr/local/bin/x", undefined, undefined),
  ])
    state.prepare(insertFile).run(rowOf(one, signed, 1));
  const links = [
    {
      link: "index",
      state: "verified",
      says: "listed",
      evidence: [{ sha256: sha, mediaType: "text/plain", title: "InRelease" }],
    },
  ];
  state
    .prepare("INSERT INTO proofs (root, purl, state, says, wanted, links) VALUES ('', ?, 'derived', 'listed', NULL, ?)")
    .run(purl, JSON.stringify(links));
  const device = {
    kind: "device",
    name: "box",
    os: "Debian 12",
    kernel: "6",
    arch: "amd64",
    mode: "record",
    tier: "P",
    facts: {},
  };
  writeMeta(state, "device-frame", JSON.stringify(device));
  state.close();
});

const formats: readonly Partial<SbomOptions>[] = [
  {},
  { specVersion: "1.7" },
  { format: "spdx" },
  { format: "spdx", specVersion: "3.0.1" },
];

describe.each(formats)("as %j", { timeout: 60_000 }, (options) => {
  test("this device: packages, executables inside them, their standing, and the evidence", async () => {
    const { code, out, err } = run("device", options);
    expect([code, err]).toEqual([0, ""]);
    const document = read(out);
    expect(document.problems).toEqual([]);
    expect(document.subjects.map(({ name }) => name)).toEqual(["box"]);
    const names = new Map([...document.subjects, ...document.components].map((one) => [one.ref, one.name]));
    const contained = document.edges
      .filter(({ relation }) => relation === "contains")
      .map(({ from, to }) => `${names.get(from)} > ${names.get(to)}`);
    expect(contained).toContain("tool > /usr/bin/tool");
    expect(contained).toContain("left > /srv/b/node_modules/left/cli.js");
    expect(document.components.filter((one) => one.purl === "pkg:npm/left@1.0.0")).toHaveLength(2);
    expect(document.components.find((one) => one.name === "tool")).toMatchObject({ purl, supplier: "A <a@b.c>" });
    for (const said of ["provost:standing", "publisher", "tool-src 1.0", `urn:sha256:${sha}`, "InRelease"])
      expect(out).toContain(said);
    expect(await accepted(out)).toEqual({ ok: true });
  });

  test("a folder: trees, distributions, the dpkg database of a root, and executables by relative names", async () => {
    const { code, out, err } = run("tree", options);
    expect([code, err]).toEqual([0, ""]);
    const document = read(out);
    expect(document.subjects.map(({ name }) => name)).toEqual(["tree"]);
    expect(document.components.flatMap((one) => one.purl ?? []).toSorted()).toEqual([
      purl,
      "pkg:npm/left@1.0.0",
      "pkg:npm/left@1.0.0",
      "pkg:npm/right@2.0.0",
      "pkg:pypi/odd-name@3",
    ]);
    expect(
      document.components
        .filter((one) => one.digests.length > 0)
        .map((one) => one.name)
        .toSorted(),
    ).toEqual(
      ["app/node_modules/left/cli.js", shown, "root/usr/bin/stray", "root/usr/bin/tool", "venv/bin/odd"].toSorted(),
    );
    const licences = document.components.flatMap((one) => one.licences);
    expect(licences).toEqual(expect.arrayContaining(["MIT", "MIT OR Apache-2.0"]));
    expect(out).toContain("ask me");
    const names = new Map(document.components.map((one) => [one.ref, one.name]));
    expect(
      document.edges
        .filter(({ relation }) => relation === "depends-on")
        .map(({ from, to }) => `${names.get(from)} > ${names.get(to)}`),
    ).toEqual(["left > right"]);
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/u);
    expect(out).not.toContain(folder);
    expect(await accepted(out)).toEqual({ ok: true });
  });

  test("a folder, copied to another place, gives the same bytes", () => {
    fs.cpSync(join(folder, "tree"), join(folder, "copied/tree"), { recursive: true });
    expect(run("copied/tree", options).out).toBe(run("tree", options).out);
  });

  test("a file: its digests under its own name, wherever it lies", () => {
    const here = run("tree/data.txt", options);
    expect(here.code).toBe(0);
    expect(read(here.out)).toMatchObject({
      subjects: [
        { name: "data.txt", digests: [{ algorithm: "sha1" }, { algorithm: "sha256" }, { algorithm: "sha512" }] },
      ],
      components: [],
    });
    fs.mkdirSync(join(folder, "elsewhere"), { recursive: true });
    fs.copyFileSync(join(folder, "tree/data.txt"), join(folder, "elsewhere/data.txt"));
    expect(run("elsewhere/data.txt", options).out).toBe(here.out);
  });

  test("asked twice, the same bytes; SOURCE_DATE_EPOCH and the clock stand in for the time", () => {
    expect(run("device", options).out).toBe(run("device", options).out);
    const at = (more: Partial<SbomOptions>) => read(run("device", { ...options, ...more }).out).createdAt;
    expect(at({ sourceDateEpoch: "5" })).toBe(Date.parse("2026-01-31T12:00:00Z"));
    expect(at({ timestamp: undefined, sourceDateEpoch: "5" })).toBe(5000);
    expect(at({ timestamp: undefined })).toBe(86_400_000);
  });
});

test.each<readonly [string, Partial<SbomOptions>, string]>([
  ["a version of the other format", { specVersion: "2.3" }, "--spec-version: wanted 1.6 or 1.7 for cyclonedx"],
  ["a version that is none", { format: "spdx", specVersion: "9" }, "--spec-version: wanted 2.3 or 3.0.1 for spdx"],
  ["a time that is none", { timestamp: "today" }, "--timestamp: wanted a time"],
  ["an epoch that is none", { timestamp: undefined, sourceDateEpoch: "1e9" }, "SOURCE_DATE_EPOCH: wanted a number"],
  ["a serial that is none", { serial: "7" }, "--serial: wanted a UUID"],
])("%s is said before anything is written", (_name, options, says) => {
  expect(() => run("device", options)).toThrow(says);
});

test("what is not there, and where no agent has looked, say so", () => {
  expect(run("nowhere")).toMatchObject({ code: 2, out: "" });
  expect(run("nowhere").err).toContain("there is no file");
  expect(run("/dev/null").err).toContain("not a regular file");
  fs.mkdirSync(join(folder, "device"), { recursive: true });
  expect(read(run("./device").out).subjects.map(({ name }) => name)).toEqual(["device"]);
});

test.skipIf(process.getuid?.() === 0)(
  "what may not be read is told and makes it partial (skipped as root, who may)",
  () => {
    put("closed/x", "#!/bin/sh\n", 0o111);
    const { code, err } = run("tree/closed");
    expect([code, err]).toEqual([7, expect.stringContaining("may not read it")]);
    fs.rmSync(join(folder, "tree/closed"), { recursive: true });
  },
);

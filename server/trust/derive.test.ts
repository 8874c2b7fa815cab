import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Instant, instant } from "@provost/shared/model/ids.ts";
import Database from "better-sqlite3";
import { afterEach, expect, test } from "vitest";
import * as forge from "../../test/support/forge-archive.ts";
import { evidenceMigrations, openEvidence } from "../store/sqlite/evidence.ts";
import { manifestMigrations, openManifests } from "../store/sqlite/manifests.ts";
import { type ConfigId, deriveManifests } from "./derive.ts";
import { openFetch } from "./fetch.ts";
import { openIndexCache } from "./index-cache.ts";
import { openLocalArchives } from "./local-archives.ts";
import type { PackageVersion } from "./manifest-store.ts";
import { trustKeyOf } from "./sources/debian/archive.ts";

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const tool = { name: "tool", version: "1.0-1", arch: "amd64" };
const everyone = { name: "data", version: "2.0-1", arch: "all" };
const foreign = { name: "tool", version: "1.0-1", arch: "i386" };
const priority = 0;

function openServer(
  options: {
    readonly allowPrivateArchives?: boolean;
    readonly locals?: readonly string[];
    readonly folder?: string;
  } = {},
  settled?: (version: PackageVersion) => void,
) {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "provost-derive-"));
  const database = new Database(join(folder, "server.db"));
  if (options.folder === undefined)
    for (const sql of [...evidenceMigrations, ...manifestMigrations]) database.exec(sql);
  const fetch = openFetch({
    allowPrivateArchives: options.allowPrivateArchives ?? true,
    attempts: 2,
    backoffMilliseconds: 1,
    stallMilliseconds: 1000,
  });
  closers.push(() => {
    fetch.close();
    database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const clock = { now: instant(Date.now()) };
  const parts = {
    store: openManifests(database),
    evidence: openEvidence(database),
    fetch,
    indexCache: openIndexCache(join(folder, "indices"), fetch),
    localArchives: openLocalArchives(options.locals ?? []),
    now: (): Instant => clock.now,
    random: () => 0.5,
    ...(settled === undefined ? {} : { settled: (_: ConfigId, version: PackageVersion) => settled(version) }),
  };
  return { ...parts, folder, clock, derivation: deriveManifests(parts) };
}

type Answers = Awaited<ReturnType<typeof forge.serve>>["answers"];

async function openArchive(
  change: (answers: Answers, key: forge.ForgedKey) => Promise<void> | void = () => undefined,
  release: Partial<forge.ForgedRelease> = {},
) {
  const key = await forge.forgeKey("Forge Archive");
  const deb = await forge.forgeDeb(tool, [{ name: "./usr/bin/tool", content: "hello", mode: 0o755 }]);
  const index = forge.packagesGz(
    forge.forgeStanza(tool, deb),
    forge.forgeStanza({ ...tool, name: "other", version: "9" }, deb),
  );
  const indices = new Map([["main/binary-amd64/Packages.gz", index]]);
  const answers: Answers = new Map();
  answers.set(
    "/dists/test/InRelease",
    await forge.forgeInRelease({ key, indices, date: new Date(Date.now() - 60_000), ...release }),
  );
  answers.set("/dists/test/main/binary-amd64/Packages.gz", index);
  answers.set("/pool/tool_1.0-1_amd64.deb", deb);
  await change(answers, key);
  const server = await forge.serve(answers);
  closers.push(server.close);
  return { ...server, key, deb, index, source: forge.forgeSource(server.uri, key) };
}

async function proofOf(
  server: ReturnType<typeof openServer>,
  source: ReturnType<typeof forge.forgeSource>,
  wanted = tool,
) {
  const config = server.derivation.want([source], [{ ...wanted, priority }]);
  await server.derivation.run(new AbortController().signal);
  return server.derivation.proof(config, wanted);
}

test("a package that is tried again and comes out as before is not told a second time", async () => {
  const told: string[] = [];
  const server = openServer({}, ({ name }) => told.push(name));
  const archive = await openArchive();
  const gone = { name: "tool", version: "0.9-1", arch: "amd64" };
  expect((await proofOf(server, archive.source, gone))?.state).toBe("lapsed");
  const due = server.derivation.nextDueAt();
  server.clock.now = instant((due ?? 0) + 1);
  await server.derivation.run(new AbortController().signal);
  expect(server.derivation.nextDueAt()).toBeGreaterThan(due ?? Infinity);
  expect(told).toEqual(["tool"]);
  archive.answers.set("/dists/test/InRelease", Buffer.from("broken"));
  server.clock.now = instant((server.derivation.nextDueAt() ?? 0) + 86_400_000);
  await server.derivation.run(new AbortController().signal);
  expect(server.store.counts(server.derivation.want([archive.source], [{ ...gone, priority }])).failed).toBe(1);
  expect(told).toEqual(["tool", "tool"]);
});

test("a good archive gives the files and a chain up to its key, with the bytes behind every link", async () => {
  const server = openServer();
  const archive = await openArchive();
  const proof = await proofOf(server, archive.source);
  expect(proof?.says).toMatch(/files are known/);
  expect(proof).toMatchObject({ state: "derived", archive: forge.sha256Of(archive.deb), otherBuilds: [] });
  if (proof?.state !== "derived") return;
  expect(proof.files).toEqual([{ path: "/usr/bin/tool", sha256: forge.sha256Of("hello"), size: 5, mode: 0o755 }]);
  expect(proof.links.map(({ link, state }) => `${link} ${state}`)).toEqual([
    "signature verified",
    "index verified",
    "archive verified",
    "package verified",
  ]);
  expect(proof.links[0]?.facts).toMatchObject({ key: archive.key.fingerprint, "valid until": "not stated" });
  for (const link of proof.links)
    for (const { sha256 } of link.evidence ?? [])
      expect(forge.sha256Of(Buffer.from(server.evidence.get(sha256)?.bytes ?? []))).toBe(sha256);
});

test.each<readonly [string, (answers: Answers, key: forge.ForgedKey) => Promise<void> | void, string, RegExp]>([
  [
    "a changed byte in InRelease",
    (answers) =>
      void answers.set(
        "/dists/test/InRelease",
        String(answers.get("/dists/test/InRelease")).replace("Suite: test", "Suite: tesd"),
      ),
    "failed",
    /does not verify/,
  ],
  [
    "a line before the signed message",
    (answers) => void answers.set("/dists/test/InRelease", `SHA256:\n${String(answers.get("/dists/test/InRelease"))}`),
    "failed",
    /does not begin/,
  ],
  [
    "a line after the signed message",
    (answers) =>
      void answers.set("/dists/test/InRelease", `${String(answers.get("/dists/test/InRelease"))}\nSuite: x\n`),
    "failed",
    /follows/,
  ],
  [
    "no signature at all",
    (answers) => void answers.set("/dists/test/InRelease", "Suite: test\n"),
    "failed",
    /clear-signed/,
  ],
  [
    "a Packages file with other bytes of the same size",
    (answers) => {
      const bytes = Buffer.from(answers.get("/dists/test/main/binary-amd64/Packages.gz") as Buffer);
      bytes[20] = (bytes[20] ?? 0) ^ 1;
      answers.set("/dists/test/main/binary-amd64/Packages.gz", bytes);
    },
    "failed",
    /differs from the size or SHA-256/,
  ],
  [
    "a longer Packages file",
    (answers) => void answers.set("/dists/test/main/binary-amd64/Packages.gz", Buffer.alloc(5000)),
    "failed",
    /more than the \d+ bytes/,
  ],
  [
    "a .deb with other bytes",
    (answers) => {
      const bytes = Buffer.from(answers.get("/pool/tool_1.0-1_amd64.deb") as Buffer);
      bytes[100] = (bytes[100] ?? 0) ^ 1;
      answers.set("/pool/tool_1.0-1_amd64.deb", bytes);
    },
    "failed",
    /contradicts the index/,
  ],
  [
    "a .deb that is gone",
    (answers) => void answers.delete("/pool/tool_1.0-1_amd64.deb"),
    "unreachable",
    /127\.0\.0\.1:\d+ answers 404/,
  ],
  ["an archive that is gone", (answers) => answers.clear(), "unreachable", /127\.0\.0\.1:\d+ answers 404/],
  [
    "a .deb that never arrives",
    (answers) =>
      void answers.set("/pool/tool_1.0-1_amd64.deb", (_, response) => void response.writeHead(200).write("!<arch>\n")),
    "unreachable",
    /127\.0\.0\.1:\d+: the transfer stalled/,
  ],
  [
    "a redirect to a file",
    (answers) =>
      void answers.set(
        "/pool/tool_1.0-1_amd64.deb",
        (_, response) => void response.writeHead(302, { location: "file:///etc/passwd" }).end(),
      ),
    "failed",
    /scheme file:/,
  ],
  [
    "an endless redirect",
    (answers) =>
      void answers.set(
        "/pool/tool_1.0-1_amd64.deb",
        (request, response) => void response.writeHead(302, { location: request.url ?? "" }).end(),
      ),
    "failed",
    /redirects/,
  ],
  [
    "an endless .deb",
    (answers) =>
      void answers.set("/pool/tool_1.0-1_amd64.deb", (_, response) => {
        response.on("error", () => undefined);
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        };
        response.on("drain", more);
        more();
      }),
    "failed",
    /more than the \d+ bytes/,
  ],
])("%s is no proof", async (_name, change, state, says) => {
  const archive = await openArchive(change);
  const proof = await proofOf(openServer(), archive.source);
  expect(proof?.state).toBe(state);
  expect(proof?.says).toMatch(says);
});

test("a key the device does not name for this archive is no key", async () => {
  const archive = await openArchive();
  const stranger = await forge.forgeKey("Stranger");
  const proof = await proofOf(openServer(), forge.forgeSource(archive.uri, stranger));
  expect(proof).toMatchObject({
    state: "failed",
    says: expect.stringMatching(/no key that the device trusts/) as string,
  });
  const narrowed = await proofOf(openServer(), { ...archive.source, fingerprints: [stranger.fingerprint] });
  expect(narrowed?.state).toBe("failed");
});

const hoursAgo = (hours: number): Date => new Date(Date.now() - hours * 3_600_000);

test.each([["has expired since it signed", hoursAgo(4), 3 * 3600, hoursAgo(2), "stale", /expired since/]] as const)(
  "a key that %s proves nothing",
  async (_name, born, secondsValid, signedAt, state, says) => {
    const key = await forge.forgeKey("Old", { date: born, secondsValid });
    const indices = new Map([["main/binary-amd64/Packages.gz", Buffer.alloc(1)]]);
    const inRelease = await forge.forgeInRelease({ key, indices, date: signedAt, signedAt });
    const archive = await openArchive((answers) => void answers.set("/dists/test/InRelease", inRelease));
    const proof = await proofOf(openServer(), forge.forgeSource(archive.uri, key));
    expect(proof).toMatchObject({ state, says: expect.stringMatching(says) as string });
  },
);

test("a key that had expired before it signed is refused", async () => {
  const key = await forge.forgeKey("Expired", { date: hoursAgo(4) });
  const indices = new Map([["main/binary-amd64/Packages.gz", Buffer.alloc(1)]]);
  const inRelease = await forge.forgeInRelease({ key, indices, date: hoursAgo(1), signedAt: hoursAgo(1) });
  const archive = await openArchive((answers) => void answers.set("/dists/test/InRelease", inRelease));
  const held = await forge.expiring(key, hoursAgo(4), 3600);
  const proof = await proofOf(openServer(), forge.forgeSource(archive.uri, held));
  expect(proof).toMatchObject({ state: "failed", says: expect.stringMatching(/not valid when it signed/) as string });
});

test("a signature from the future, by the server's clock, is not yet one", async () => {
  const archive = await openArchive();
  const server = openServer();
  server.clock.now = instant(hoursAgo(1.5).getTime());
  const proof = await proofOf(server, archive.source);
  expect(proof).toMatchObject({ state: "failed", says: expect.stringMatching(/future/) as string });
});

test("a Release past its Valid-Until is stale and says so", async () => {
  const archive = await openArchive(undefined, { validUntil: new Date(Date.now() - 30_000) });
  const proof = await proofOf(openServer(), archive.source);
  expect(proof).toMatchObject({ state: "stale", says: expect.stringMatching(/valid until/) as string });
});

test("a Release from the future is refused", async () => {
  const archive = await openArchive(undefined, { date: new Date(Date.now() + 86_400_000) });
  expect((await proofOf(openServer(), archive.source))?.says).toMatch(/in the future/);
});

test("an archive that goes back in time is refused, and the refusal is kept", async () => {
  const server = openServer();
  const archive = await openArchive();
  expect((await proofOf(server, archive.source))?.state).toBe("derived");
  const older = await forge.forgeInRelease({
    key: archive.key,
    indices: new Map([["x", Buffer.alloc(1)]]),
    date: new Date(Date.now() - 86_400_000),
  });
  archive.answers.set("/dists/test/InRelease", older);
  server.clock.now = instant(server.clock.now + 2 * 3_600_000);
  const proof = await proofOf(server, archive.source, { ...tool, name: "new" });
  expect(proof).toMatchObject({ state: "failed", says: expect.stringMatching(/older than/) as string });
  expect(server.store.refusals(trustKeyOf(archive.source))).toMatchObject([{ reason: "rollback" }]);
});

test("a version no index lists has lapsed, and the one listed now is named", async () => {
  const server = openServer();
  const archive = await openArchive();
  expect(await proofOf(server, archive.source, { ...tool, version: "0.9-1" })).toMatchObject({
    state: "lapsed",
    says: expect.stringMatching(/list 1\.0-1 now/) as string,
  });
});

test("what was proven stays proven after the archive forgot the version", async () => {
  const server = openServer();
  const archive = await openArchive();
  await proofOf(server, archive.source);
  const index = forge.packagesGz(forge.forgeStanza({ ...tool, version: "2.0-1" }, archive.deb));
  archive.answers.set(
    "/dists/test/InRelease",
    await forge.forgeInRelease({
      key: archive.key,
      indices: new Map([["main/binary-amd64/Packages.gz", index]]),
      date: new Date(),
    }),
  );
  const another = { ...archive.source, from: "/etc/apt/sources.list.d/again.list" };
  server.clock.now = instant(server.clock.now + 2 * 3_600_000);
  expect((await proofOf(server, another))?.state).toBe("derived");
});

test("one device's own key never makes another device's package signed", async () => {
  const server = openServer();
  const archive = await openArchive();
  expect((await proofOf(server, archive.source))?.state).toBe("derived");
  const stranger = await forge.forgeKey("Another device's key");
  expect((await proofOf(server, forge.forgeSource(archive.uri, stranger)))?.state).toBe("failed");
});

test("packages for all architectures and for a foreign one are found", async () => {
  const data = await forge.forgeDeb(everyone, [{ name: "./usr/share/data", content: "d" }]);
  const small = await forge.forgeDeb(foreign, [{ name: "./usr/bin/tool", content: "32" }]);
  const key = await forge.forgeKey("Multi");
  const native = forge.packagesGz(forge.forgeStanza(everyone, data));
  const other = forge.packagesGz(forge.forgeStanza(foreign, small));
  const indices = new Map([
    ["main/binary-amd64/Packages.gz", native],
    ["main/binary-i386/Packages.gz", other],
  ]);
  const answers: Answers = new Map<string, Buffer | string>([
    ["/dists/test/InRelease", await forge.forgeInRelease({ key, indices, date: new Date() })],
    ["/dists/test/main/binary-amd64/Packages.gz", native],
    ["/dists/test/main/binary-i386/Packages.gz", other],
    ["/pool/data_2.0-1_all.deb", data],
    ["/pool/tool_1.0-1_i386.deb", small],
  ]);
  const archive = await forge.serve(answers);
  closers.push(archive.close);
  const source = forge.forgeSource(archive.uri, key, { architectures: ["amd64", "i386"] });
  const server = openServer();
  expect((await proofOf(server, source, everyone))?.state).toBe("derived");
  expect((await proofOf(server, source, foreign))?.state).toBe("derived");
});

test("a flat archive with Release and Release.gpg works", async () => {
  const deb = await forge.forgeDeb(tool, [{ name: "./a", content: "x" }]);
  const key = await forge.forgeKey("Flat");
  const index = Buffer.from(forge.forgeStanza(tool, deb, { Filename: "./tool.deb" }));
  const release = { key, indices: new Map([["Packages", index]]), date: new Date() };
  const archive = await forge.serve(
    new Map<string, Buffer | string>([
      ["/repo/Release", forge.releaseText(release)],
      ["/repo/Release.gpg", await forge.forgeDetached(release)],
      ["/repo/Packages", index],
      ["/repo/tool.deb", deb],
    ]),
  );
  closers.push(archive.close);
  const source = forge.forgeSource(`${archive.uri}/repo`, key, { suite: "./", components: [] });
  expect((await proofOf(openServer(), source))?.state).toBe("derived");
});

test("two signed builds of one version are both kept, and it is said", async () => {
  const [one, two] = await Promise.all(
    ["1", "2"].map((content) => forge.forgeDeb(tool, [{ name: "./usr/bin/tool", content }])),
  );
  if (one === undefined || two === undefined) return;
  const archive = await openArchive(async (answers, key) => {
    const index = forge.packagesGz(
      forge.forgeStanza(tool, one, { Filename: "pool/1.deb" }),
      forge.forgeStanza(tool, two, { Filename: "pool/2.deb" }),
    );
    answers.set(
      "/dists/test/InRelease",
      await forge.forgeInRelease({
        key,
        indices: new Map([["main/binary-amd64/Packages.gz", index]]),
        date: new Date(),
      }),
    );
    answers.set("/dists/test/main/binary-amd64/Packages.gz", index);
    answers.set("/pool/1.deb", one);
    answers.set("/pool/2.deb", two);
  });
  const proof = await proofOf(openServer(), archive.source);
  expect(
    proof?.state === "derived" && [proof.archive, ...proof.otherBuilds.map(({ archive }) => archive)].sort(),
  ).toEqual([one, two].map(forge.sha256Of).sort());
  expect(proof?.says).toMatch(/2 different builds/);
});

test("a Filename that leaves the archive is refused", async () => {
  const archive = await openArchive(async (answers, key) => {
    const deb = answers.get("/pool/tool_1.0-1_amd64.deb") as Buffer;
    const index = forge.packagesGz(forge.forgeStanza(tool, deb, { Filename: "pool/../../secret" }));
    answers.set(
      "/dists/test/InRelease",
      await forge.forgeInRelease({
        key,
        indices: new Map([["main/binary-amd64/Packages.gz", index]]),
        date: new Date(),
      }),
    );
    answers.set("/dists/test/main/binary-amd64/Packages.gz", index);
  });
  expect(await proofOf(openServer(), archive.source)).toMatchObject({
    state: "failed",
    says: expect.stringMatching(/leaves the archive/) as string,
  });
});

test("a private archive is refused unless the owner allows it", async () => {
  const archive = await openArchive();
  const proof = await proofOf(openServer({ allowPrivateArchives: false }), archive.source);
  expect(proof).toMatchObject({ state: "failed", says: expect.stringMatching(/private or reserved/) as string });
  expect(archive.asked).toEqual([]);
});

test("a local file of the signed bytes saves the download, one with other bytes is not used", async () => {
  const locals = mkdtempSync(join(tmpdir(), "provost-locals-"));
  closers.push(() => rmSync(locals, { recursive: true, force: true }));
  const archive = await openArchive();
  writeFileSync(join(locals, "tool_1.0-1_amd64.deb"), archive.deb);
  expect((await proofOf(openServer({ locals: [locals] }), archive.source))?.state).toBe("derived");
  expect(archive.asked).not.toContain("/pool/tool_1.0-1_amd64.deb");
  writeFileSync(join(locals, "tool_1.0-1_amd64.deb"), Buffer.alloc(archive.deb.length));
  expect((await proofOf(openServer({ locals: [locals] }), archive.source))?.state).toBe("derived");
  expect(archive.asked).toContain("/pool/tool_1.0-1_amd64.deb");
});

test("a derivation that was stopped is taken up again by the next start", async () => {
  const stop = new AbortController();
  let first = true;
  const archive = await openArchive((answers) => {
    const deb = answers.get("/pool/tool_1.0-1_amd64.deb") as Buffer;
    answers.set("/pool/tool_1.0-1_amd64.deb", (_, response) => {
      if (first) {
        response.writeHead(200).write(deb.subarray(0, 50));
        setImmediate(() => stop.abort());
      } else response.writeHead(200).end(deb);
      first = false;
    });
  });
  const server = openServer();
  const config = server.derivation.want([archive.source], [{ ...tool, priority }]);
  await server.derivation.run(stop.signal);
  expect(server.derivation.counts(config)).toMatchObject({ wanted: 1, pending: 1, derived: 0 });
  const next = openServer({ folder: server.folder });
  await next.derivation.run(new AbortController().signal);
  expect(next.derivation.proof(config, tool)?.state).toBe("derived");
});

test("priorities count at once, and a failed package waits for its time", async () => {
  const server = openServer();
  const archive = await openArchive((answers) => void answers.delete("/pool/tool_1.0-1_amd64.deb"));
  const config = server.derivation.want(
    [archive.source],
    [
      { ...everyone, priority: 1 },
      { ...tool, priority: 0 },
    ],
  );
  server.derivation.want([archive.source], [{ ...tool, priority: 9 }]);
  expect(server.store.due(server.clock.now, 2).map(({ name }) => name)).toEqual(["tool", "data"]);
  await server.derivation.run(new AbortController().signal);
  expect(server.derivation.nextDueAt()).toBeGreaterThan(server.clock.now);
  expect(server.derivation.counts(config)).toMatchObject({ wanted: 2, pending: 0, failed: 1, lapsed: 1 });
  expect(server.derivation.archives(config)).toMatchObject([
    { state: "verified", signedBy: [{ fingerprint: archive.key.fingerprint }] },
  ]);
});

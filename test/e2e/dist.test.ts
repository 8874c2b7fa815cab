/** What `npm run dist` makes, twice and under different circumstances: the same bytes, each with its papers, and single files that run. */
import { execFile, execFileSync, spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sensorMissing } from "../support/packages.ts";
import { until } from "../support/server-world.ts";

const why = sensorMissing() ?? (spawnSync("rpmbuild", ["--version"]).status === 0 ? undefined : "rpmbuild is missing");
if (why !== undefined) process.stderr.write(`dist.test.ts is skipped: ${why}\n`);
const top = fileURLToPath(new URL("../..", import.meta.url));
const node = [process.execPath, "--disable-warning=ExperimentalWarning"] as const;

describe.skipIf(why !== undefined)("npm run dist", () => {
  const scratch = mkdtempSync(join(tmpdir(), "provost-dist-"));
  const [first, second] = [join(scratch, "first"), join(scratch, "second")];
  const artefacts = (): readonly string[] =>
    readFileSync(join(first, "SHA256SUMS"), "utf8")
      .trim()
      .split("\n")
      .map((line) => line.slice(66));

  /** The single executable's name is the beginning of the archive's: the longest one is meant. */
  const artefactOf = (name: string): string | undefined =>
    artefacts()
      .filter((file) => name.startsWith(`${file}.`))
      .toSorted((a, b) => b.length - a.length)
      .at(0);

  beforeAll(async () => {
    const dist = (out: string, umask: string, env: Record<string, string>, ...more: string[]) =>
      promisify(execFile)(
        "sh",
        [
          "-c",
          `umask ${umask} && exec "$@"`,
          "sh",
          ...node,
          join(top, "installers/packages/dist.ts"),
          "--out",
          out,
          ...more,
        ],
        { env: { ...process.env, ...env }, maxBuffer: 16 * 1024 * 1024 },
      );
    await dist(first, "022", {});
    // Another time zone, language and home, and files that nobody else may read unless the build says so.
    await dist(second, "077", { TZ: "Asia/Tokyo", LC_ALL: "C", HOME: scratch }, "--no-attest");
  }, 900_000);
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test("agent and server come as .deb, .rpm, .tar.gz and one executable each, and a package is under 60 MB", () => {
    const names = artefacts();
    for (const name of ["provost", "provost-server"])
      for (const kind of [/_amd64\.deb$|_arm64\.deb$/, /\.rpm$/, /\.tar\.gz$/, /-linux-(?:x64|arm64)$/])
        expect(names.filter((file) => new RegExp(`^${name}[-_]\\d`).test(file) && kind.test(file))).toHaveLength(1);
    expect(names).toHaveLength(8);
    for (const file of names.filter((one) => /\.(?:deb|rpm|gz)$/.test(one)))
      expect(statSync(join(first, file)).size).toBeLessThan(60e6);
  });

  test("two builds give the same bytes", () => {
    const sums = (folder: string): string => readFileSync(join(folder, "SHA256SUMS"), "utf8");
    expect(sums(second)).toBe(sums(first));
    for (const line of sums(first).trim().split("\n"))
      expect(
        createHash("sha256")
          .update(readFileSync(join(second, line.slice(66))))
          .digest("hex"),
      ).toBe(line.slice(0, 64));
  });

  test("each has a CycloneDX bill of materials, and signed statements of SLSA provenance and of that bill", () => {
    for (const file of artefacts()) {
      expect(JSON.parse(readFileSync(join(first, `${file}.cdx.json`), "utf8"))).toMatchObject({
        bomFormat: "CycloneDX",
      });
      const sha256 = createHash("sha256")
        .update(readFileSync(join(first, file)))
        .digest("hex");
      const statements = readdirSync(first)
        .filter((name) => artefactOf(name) === file && name.endsWith(".sigstore.json"))
        .map((name) => {
          const { dsseEnvelope } = JSON.parse(readFileSync(join(first, name), "utf8")) as {
            dsseEnvelope: { payload: string; signatures: readonly unknown[] };
          };
          expect(dsseEnvelope.signatures).toHaveLength(1);
          return JSON.parse(Buffer.from(dsseEnvelope.payload, "base64").toString()) as {
            predicateType: string;
            subject: readonly { digest: { sha256: string } }[];
          };
        });
      expect(statements.map(({ predicateType }) => predicateType).sort()).toEqual([
        "https://cyclonedx.org/bom",
        "https://slsa.dev/provenance/v1",
      ]);
      for (const { subject } of statements) expect(subject.map(({ digest }) => digest.sha256)).toEqual([sha256]);
    }
  });

  test("our own verifier accepts them, and neither an altered one nor one that nobody signed", () => {
    const verify = (folder: string) =>
      spawnSync(node[0], [node[1], join(top, "installers/verify/verify.ts"), folder], { encoding: "utf8" });
    const whole = verify(first);
    expect([whole.status, whole.stdout.match(/^holds /gm)?.length]).toEqual([0, 16]);
    const folder = mkdtempSync(join(scratch, "altered-"));
    const [deb = ""] = artefacts().filter((name) => /^provost_.*\.deb$/.test(name));
    for (const name of readdirSync(first).filter((one) => one.startsWith(deb) || one === "build-key.pub.pem"))
      copyFileSync(join(first, name), join(folder, name));
    expect(verify(folder).status).toBe(0);
    writeFileSync(join(folder, "other_1_amd64.deb"), "unsigned");
    expect([verify(folder).status, verify(folder).stdout]).toEqual([
      1,
      expect.stringMatching(/NOBODY signed other_1_amd64\.deb/),
    ]);
    rmSync(join(folder, "other_1_amd64.deb"));
    appendFileSync(join(folder, deb), "x");
    expect([verify(folder).status, verify(folder).stdout]).toEqual([1, expect.stringMatching(/^FAILS {2}provost_/m)]);
  }, 120_000);

  test("the single executables start where there is nothing else: the command line, and a server with its database and console", async () => {
    const [agent = "", server = ""] = ["provost", "provost-server"].map((name) =>
      join(first, artefacts().find((file) => new RegExp(`^${name}-\\d[^/]*-linux-(?:x64|arm64)$`).test(file)) ?? ""),
    );
    const bare = { PATH: "/nowhere", HOME: scratch };
    expect(execFileSync(agent, ["--version"], { env: bare, encoding: "utf8" })).toMatch(/^\d+\.\d+\.\d+\n$/);
    const looked = spawnSync(agent, ["verify", join(first, "SHA256SUMS"), "--state", join(scratch, "none"), "--json"], {
      env: bare,
      encoding: "utf8",
    });
    expect(looked.stdout).toContain(
      createHash("sha256")
        .update(readFileSync(join(first, "SHA256SUMS")))
        .digest("hex"),
    );
    const state = join(scratch, "server");
    const settings = {
      PROVOST_SERVER_STATE: state,
      PROVOST_PORT: "0",
      PROVOST_REGISTRIES: "off",
      PROVOST_TRUST_ROOTS: "off",
    };
    const running = spawn(server, [], { env: { ...bare, ...settings }, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [running.stdout, running.stderr])
      stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
    try {
      await until(() => said.includes("sign-in?token="), `the server: ${said}`, 30_000);
      const origin = new URL(/http\S+sign-in\S+/.exec(said)?.[0] ?? "").origin;
      expect(await (await fetch(origin)).text()).toMatch(/<script type="module"/);
    } finally {
      running.kill("SIGKILL");
    }
  }, 60_000);
});

import { execFileSync } from "node:child_process";
import { createHash, generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { forgeSigstore, type ForgedSigstore } from "../../test/support/forge-sigstore.ts";
import { openLibraryWorld, type LibraryWorld } from "../../test/support/library-world.ts";
import { runProvost, type Ran } from "../../test/support/run-provost.ts";
import { validateCycloneDx } from "@provost/shared/sbom/cyclonedx/validate.ts";
import { hostedRunners } from "@provost/shared/provenance/slsa/known-builders.ts";

// Whole commands on a machine that may be busy with others.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const cwd = mkdtempSync(join(tmpdir(), "provost-attest-"));
const at = (name: string): string => join(cwd, name);
const put = (name: string, value: unknown): void =>
  writeFileSync(at(name), typeof value === "string" ? value : JSON.stringify(value));
const read = (name: string): string => readFileSync(at(name), "utf8");
const go = (line: string, env: Readonly<Record<string, string>> = {}): Promise<Ran> =>
  runProvost(line.split(" "), { cwd, env });

const Bundle = z.object({ dsseEnvelope: z.object({ payload: z.string() }) });
const Statement = z.object({
  subject: z.array(z.object({ name: z.string(), digest: z.record(z.string(), z.string()) })),
  predicateType: z.string(),
  predicate: z.record(z.string(), z.unknown()),
});
const statementIn = (bundle: string): z.infer<typeof Statement> =>
  Statement.parse(
    JSON.parse(Buffer.from(Bundle.parse(JSON.parse(read(bundle))).dsseEnvelope.payload, "base64").toString()),
  );

const github = {
  GITHUB_ACTIONS: "true",
  GITHUB_SERVER_URL: "https://github.com",
  GITHUB_REPOSITORY: "owner/app",
  GITHUB_REF: "refs/heads/main",
  GITHUB_SHA: "a".repeat(40),
  GITHUB_WORKFLOW_REF: "owner/app/.github/workflows/release.yml@refs/heads/main",
  GITHUB_EVENT_NAME: "push",
  GITHUB_RUN_ID: "7",
  GITHUB_RUN_ATTEMPT: "2",
  RUNNER_ENVIRONMENT: "github-hosted",
};
const workflow = "https://github.com/owner/app/.github/workflows/release.yml@refs/heads/main";
let sigstore: ForgedSigstore;

beforeAll(async () => {
  sigstore = await forgeSigstore();
  for (const [name, curve] of [
    ["p256", "P-256"],
    ["p384", "P-384"],
    ["p521", "P-521"],
  ] as const) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: curve });
    put(`${name}.key`, privateKey.export({ format: "pem", type: "pkcs8" }).toString());
    put(`${name}.pub`, publicKey.export({ format: "pem", type: "spki" }).toString());
    const sealed = { format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase: "open sesame" } as const;
    put(`${name}.sealed`, privateKey.export(sealed).toString());
  }
  const ed = generateKeyPairSync("ed25519");
  put("ed.key", ed.privateKey.export({ format: "pem", type: "pkcs8" }).toString());
  put("ed.pub", ed.publicKey.export({ format: "pem", type: "spki" }).toString());
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  put("rsa.key", rsa.privateKey.export({ format: "pem", type: "pkcs1" }).toString());
  put("rsa.pub", rsa.publicKey.export({ format: "pem", type: "spki" }).toString());
  put(
    "weak.key",
    generateKeyPairSync("ec", { namedCurve: "secp256k1" })
      .privateKey.export({ format: "pem", type: "pkcs8" })
      .toString(),
  );
  put("root.json", sigstore.trustedRoot);
  for (const rekor of [1, 2] as const) put(`config${rekor}.json`, sigstore.signingConfig(rekor));
  put("trust.json", { sigstore: [sigstore.trustedRoot], builders: hostedRunners });
  // A root of its own: what this machine's packages own takes longer to ask than all of the rest.
  mkdirSync(at("var/lib/dpkg"), { recursive: true });
  put("var/lib/dpkg/status", "");
  put("app.tgz", "an application\n");
  put("tool", "a tool\n");
});
afterAll(async () => {
  await sigstore.close();
  rmSync(cwd, { recursive: true, force: true });
});

describe("signed with a key", () => {
  test.each(["p256", "p384", "p521", "ed", "rsa"])(
    "of kind %s, the artefact is signed for whoever holds the public key",
    async (kind) => {
      expect(await go(`attest --key ${kind}.key app.tgz`)).toMatchObject({ code: 0, err: "" });
      expect(await go(`verify --key ${kind}.pub app.tgz --json`)).toMatchObject({ code: 0 });
      expect(
        await go(`verify-bundle --key ${kind}.pub --bundle app.tgz.sigstore.json --trusted-root root.json app.tgz`),
      ).toMatchObject({ code: 4 });
      const other = await go(`verify --key ${kind === "p256" ? "ed" : "p256"}.pub app.tgz`);
      expect(other.code).not.toBe(0);
    },
  );

  test("that is encrypted, the passphrase comes from the environment or a file", async () => {
    put("passphrase", "open sesame\n");
    expect(await go("attest --key p256.sealed app.tgz", { PROVOST_KEY_PASSPHRASE: "open sesame" })).toMatchObject({
      code: 0,
    });
    expect(await go("attest --key p256.sealed --passphrase-file passphrase app.tgz")).toMatchObject({ code: 0 });
    for (const env of [{}, { PROVOST_KEY_PASSPHRASE: "wrong" }]) {
      const ran = await go("attest --key p256.sealed app.tgz", env);
      expect(ran).toMatchObject({ code: 2, out: "" });
      expect(ran.err).toMatch(/^SIGNING_FAILED: the key in p256.sealed (?:is encrypted|does not open)/);
    }
  });

  test("and logged and stamped, the bundle is witnessed and holds under the instance's root", async () => {
    const urls = `--rekor-url ${sigstore.url} --tsa-url ${sigstore.url} --trusted-root root.json`;
    expect(await go(`attest --key p256.key ${urls} app.tgz`)).toMatchObject({ code: 0, err: "" });
    expect(JSON.parse(read("app.tgz.sigstore.json"))).toMatchObject({
      verificationMaterial: { tlogEntries: [{}], timestampVerificationData: { rfc3161Timestamps: [{}] } },
    });
    expect(
      await go("verify-bundle --key p256.pub --bundle app.tgz.sigstore.json --trusted-root root.json app.tgz"),
    ).toMatchObject({ code: 0 });
  });

  test("several artefacts are subjects of one statement, which lies beside each or in one folder", async () => {
    mkdirSync(at("out"), { recursive: true });
    expect(await go("attest --key p256.key --output out app.tgz tool")).toMatchObject({ code: 0 });
    const { subject } = statementIn("out/tool.sigstore.json");
    expect(subject).toEqual(
      ["app.tgz", "tool"].map((name) => ({
        name,
        digest: {
          sha256: createHash("sha256").update(read(name)).digest("hex"),
          sha512: createHash("sha512").update(read(name)).digest("hex"),
        },
      })),
    );
    expect(read("out/app.tgz.sigstore.json")).toBe(read("out/tool.sigstore.json"));
    expect(await go("verify --evidence out --key p256.pub app.tgz tool")).toMatchObject({ code: 0 });
  });

  test("an SBOM is attested beside the provenance, and a predicate of one's own instead of it", async () => {
    put("bom.json", { bomFormat: "CycloneDX", specVersion: "1.6", components: [] });
    put("spdx.json", { spdxVersion: "SPDX-2.3", SPDXID: "SPDXRef-DOCUMENT" });
    put("predicate.json", { result: "PASSED" });
    expect(await go("attest --key p256.key --sbom bom.json app.tgz")).toMatchObject({ code: 0 });
    expect(statementIn("app.tgz.sbom.sigstore.json").predicateType).toBe("https://cyclonedx.org/bom");
    expect(statementIn("app.tgz.sigstore.json").predicateType).toBe("https://slsa.dev/provenance/v1");
    expect(await go("attest --key p256.key --sbom spdx.json app.tgz")).toMatchObject({ code: 0 });
    expect(statementIn("app.tgz.sbom.sigstore.json").predicateType).toBe("https://spdx.dev/Document/v2.3");
    const type = "https://in-toto.io/attestation/test-result/v0.1";
    expect(await go(`attest --key p256.key --predicate predicate.json --predicate-type ${type} tool`)).toMatchObject({
      code: 0,
    });
    expect(statementIn("tool.sigstore.json")).toMatchObject({ predicateType: type, predicate: { result: "PASSED" } });
  });
});

test("--contents makes each file in an archive a subject, and a file taken out of it is covered", async () => {
  const inner = at("package");
  mkdirSync(inner, { recursive: true });
  for (const name of ["index.js", "cli.js"]) writeFileSync(join(inner, name), `// ${name}\n`);
  execFileSync("tar", ["-czf", at("package.tgz"), "-C", cwd, "package"]);
  expect(await go("attest --key p256.key --contents package.tgz")).toMatchObject({ code: 0, err: "" });
  expect(
    statementIn("package.tgz.sigstore.json")
      .subject.map(({ name }) => name)
      .toSorted(),
  ).toEqual(["package.tgz", "package.tgz!package/cli.js", "package.tgz!package/index.js"]);
  const bundle = "--bundle package.tgz.sigstore.json --key p256.pub";
  expect(await go(`verify ${bundle} package/index.js package/cli.js package.tgz`)).toMatchObject({ code: 0 });
  writeFileSync(join(inner, "cli.js"), "// another\n");
  expect(await go(`verify ${bundle} package/cli.js`)).toMatchObject({ code: 3 });
  const none = await go("attest --key p256.key --contents tool");
  expect(none).toMatchObject({ code: 2, out: "" });
  expect(none.err).toContain("no archive of a kind that is read");
});

test("what is proven of an archive carries to the files in it, and to no others", async () => {
  mkdirSync(at("unpacked"), { recursive: true });
  for (const name of ["one", "two"]) writeFileSync(at(`unpacked/${name}`), `${name} in an archive\n`);
  execFileSync("tar", ["-cf", at("bare.tar"), "-C", at("unpacked"), "one", "two"]);
  expect(await go("attest --key p256.key bare.tar")).toMatchObject({ code: 0 });
  const ran = await go("verify --in bare.tar --key p256.pub unpacked/one unpacked/two");
  expect([ran.code, ran.err]).toEqual([0, ""]);
  expect(ran.out).toContain("It is byte for byte one in an archive.");
  expect(await go("verify --in bare.tar --key p384.pub unpacked/one")).not.toMatchObject({ code: 0 });
  expect(await go("verify --in bare.tar --key p256.pub app.tgz tool unpacked/one")).not.toMatchObject({ code: 0 });
  writeFileSync(at("unpacked/two"), "something else\n");
  expect(await go("verify --in bare.tar --key p256.pub unpacked/two")).toMatchObject({ code: 3 });
  writeFileSync(at("bare.tar"), Buffer.concat([readFileSync(at("bare.tar")), Buffer.alloc(512)]));
  expect((await go("verify --in bare.tar --key p256.pub unpacked/one")).code).not.toBe(0);
  expect(await go("verify --in none.tar unpacked/one")).toMatchObject({ code: 2, out: "" });
  expect((await go("verify --in tool --key p256.pub unpacked/one")).code).toBe(4);
});

test("--sbom auto attests a bill of materials of each artefact", async () => {
  expect(await go("attest --key p256.key --sbom auto app.tgz tool")).toMatchObject({ code: 0, err: "" });
  for (const name of ["app.tgz", "tool"]) {
    const { subject, predicateType, predicate } = statementIn(`${name}.sbom.sigstore.json`);
    const sha256 = createHash("sha256").update(read(name)).digest("hex");
    expect([subject.length, subject[0]?.digest["sha256"], predicateType]).toEqual([
      1,
      sha256,
      "https://cyclonedx.org/bom",
    ]);
    expect(predicate).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.6", metadata: { component: { name } } });
    expect((await validateCycloneDx(predicate, "1.6")).ok).toBe(true);
  }
});

describe("signed keyless in GitHub Actions", () => {
  const token = (claims: Readonly<Record<string, string>> = {}): string =>
    sigstore.token({
      iss: "https://token.actions.githubusercontent.com",
      sub: workflow,
      repository: "owner/app",
      ref: "refs/heads/main",
      sha: "a".repeat(40),
      runner_environment: "github-hosted",
      job_workflow_ref: github.GITHUB_WORKFLOW_REF,
      ...claims,
    });

  test.each([1, 2] as const)(
    "with Rekor v%d: the artefact is proven from repository and commit, at the level of the owner's table",
    async (rekor) => {
      const line = `attest --identity-token ${token()} --signing-config config${rekor}.json --trusted-root root.json app.tgz`;
      expect(await go(line, github)).toMatchObject({ code: 0, err: "" });
      const expected = `--source github.com/owner/app --branch main --commit ${"a".repeat(40)} --min-level 2 --builder ${workflow}`;
      const ran = await go(`verify --trust trust.json ${expected} --json app.tgz`);
      expect(JSON.parse(ran.out)).toMatchObject({ verdict: { standing: "proven", basis: "source", slsaLevel: 2 } });
      expect(await go("verify --trust trust.json --source github.com/owner/other app.tgz")).toMatchObject({ code: 1 });
    },
  );

  test("why shows source, build, signature, timestamp and dependencies", async () => {
    const line = `attest --identity-token ${token()} --signing-config config2.json --trusted-root root.json app.tgz`;
    expect(await go(line, github)).toMatchObject({ code: 0 });
    const ran = await go("why --trust trust.json app.tgz");
    expect([ran.code, ran.err]).toEqual([0, ""]);
    const commit = "a".repeat(40);
    for (const part of [
      `  Source      github.com/owner/app, refs/heads/main, commit ${commit}`,
      `  Build       by ${workflow}, workflow .github/workflows/release.yml, runner github-hosted, on push`,
      `  Signature   ${workflow}, vouched for by https://token.actions.githubusercontent.com`,
      `  Depends on  1:\n              git+https://github.com/owner/app@refs/heads/main (gitCommit ${commit})`,
    ])
      expect(ran.out).toContain(part);
    expect(ran.out).toMatch(/ {2}Timestamp {3}\d{4}-\d\d-\d\dT[0-9:.]+Z by /);
    expect(JSON.parse((await go("why --trust trust.json --json app.tgz")).out)).toMatchObject({
      components: { source: { commit }, dependencies: [{ digest: { gitCommit: commit } }] },
    });
  });

  test("a reusable workflow is the builder by the name its token has", async () => {
    const job = "other/builders/.github/workflows/build.yml@refs/tags/v1.0.0";
    const line = `attest --identity-token ${token({ job_workflow_ref: job })} --signing-config config1.json --trusted-root root.json app.tgz`;
    expect(await go(line, github)).toMatchObject({ code: 0 });
    expect(statementIn("app.tgz.sigstore.json").predicate["runDetails"]).toMatchObject({
      builder: { id: `https://github.com/${job}` },
    });
  });

  test("an environment that contradicts the certificate makes a statement that proves nothing", async () => {
    const line = `attest --identity-token ${token()} --signing-config config1.json --trusted-root root.json app.tgz`;
    expect(await go(line, { ...github, GITHUB_SHA: "b".repeat(40) })).toMatchObject({ code: 0 });
    expect(await go("verify --trust trust.json app.tgz")).toMatchObject({ code: 1 });
  });
});

test.each<readonly [string, Readonly<Record<string, string>>, object, string]>([
  [
    "GitHub Actions",
    github,
    {
      workflow: {
        repository: "https://github.com/owner/app",
        path: ".github/workflows/release.yml",
        ref: "refs/heads/main",
      },
    },
    workflow,
  ],
  [
    "GitLab CI",
    {
      GITLAB_CI: "true",
      CI_PROJECT_URL: "https://gitlab.test/group/app",
      CI_COMMIT_SHA: "c".repeat(40),
      CI_COMMIT_REF_NAME: "v1",
      CI_COMMIT_TAG: "v1",
      CI_RUNNER_ID: "12",
      CI_JOB_NAME: "build",
      CI_JOB_URL: "https://gitlab.test/group/app/-/jobs/3",
      CI_PIPELINE_SOURCE: "push",
    },
    {
      buildConfigSource: { repository: "https://gitlab.test/group/app", ref: "refs/tags/v1", path: ".gitlab-ci.yml" },
      entryPoint: "build",
    },
    "https://gitlab.test/group/app/-/runners/12",
  ],
  [
    "Jenkins",
    {
      JENKINS_URL: "https://jenkins.test/",
      JOB_NAME: "app/main",
      BUILD_URL: "https://jenkins.test/job/app/5/",
      GIT_URL: "git@git.test:group/app.git",
      GIT_COMMIT: "d".repeat(40),
      GIT_BRANCH: "origin/main",
    },
    { buildConfigSource: { repository: "https://git.test/group/app", ref: "refs/heads/main" }, job: "app/main" },
    "https://jenkins.test/",
  ],
])("in %s the environment becomes provenance that a verifier reads", async (_name, env, external, builder) => {
  expect(await go("attest --key p256.key tool", env)).toMatchObject({ code: 0, err: "" });
  const { predicate, predicateType } = statementIn("tool.sigstore.json");
  expect(predicateType).toBe("https://slsa.dev/provenance/v1");
  expect(predicate).toMatchObject({
    buildDefinition: { externalParameters: external },
    runDetails: { builder: { id: builder } },
  });
  const ran = await go("verify --key p256.pub --json tool");
  expect(JSON.parse(ran.out)).toMatchObject({
    verdict: {
      standing: "signed",
      chain: [{ link: "source", facts: { commit: expect.stringMatching(/^[a-d]{40}$/) } }, {}, {}, {}],
    },
  });
});

test("in a plain checkout git tells commit, tag and whether files differ; passwords in the remote are left out", async () => {
  const repository = at("checkout");
  mkdirSync(repository);
  const git = (...args: readonly string[]): string =>
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b.test", ...args], {
      cwd: repository,
      encoding: "utf8",
    }).trim();
  git("init", "-q", "-b", "main");
  writeFileSync(join(repository, "app"), "built\n");
  git("add", ".");
  git("commit", "-qm", "first");
  git("remote", "add", "origin", "https://user:glpat-secret@git.test/group/app.git");
  writeFileSync(join(repository, "app"), "built again\n");
  const ran = await runProvost(["attest", "--key", "../p256.key", "app"], { cwd: repository });
  expect(ran).toMatchObject({ code: 0, err: "" });
  const { predicate } = statementIn("checkout/app.sigstore.json");
  expect(JSON.stringify(predicate)).not.toContain("secret");
  expect(predicate).toMatchObject({
    buildDefinition: {
      externalParameters: { buildConfigSource: { repository: "https://git.test/group/app", ref: "refs/heads/main" } },
      internalParameters: { modified: true },
      resolvedDependencies: [
        { uri: "git+https://git.test/group/app@refs/heads/main", digest: { gitCommit: git("rev-parse", "HEAD") } },
      ],
    },
  });
});

describe("published to a server's evidence library", () => {
  let library: LibraryWorld;
  let writer: string;
  let reader: string;
  beforeAll(async () => {
    library = await openLibraryWorld();
    [writer, reader] = [await library.token(["documents:write"]), await library.token(["documents:read"])];
    put("writer", `${writer}\n`);
    put("reader", reader);
  });
  afterAll(() => library.close());
  const line = (how: string): string => `attest --publish ${library.world.address} --token-file ${how}`;

  test("the bundle is found there by the artefact's digest, byte for byte; once more it is known", async () => {
    const ran = await go(`${line("writer")} --key p256.key tool --json`);
    expect([ran.code, ran.err]).toEqual([0, ""]);
    expect(
      ran.out
        .trim()
        .split("\n")
        .map((one) => JSON.parse(one) as unknown),
    ).toMatchObject([
      { artefact: at("tool"), bundle: at("tool.sigstore.json"), signer: { kind: "key" } },
      { outcome: "added" },
    ]);
    const digest = createHash("sha256").update(read("tool")).digest("hex");
    const own = createHash("sha256").update(read("tool.sigstore.json")).digest("hex");
    const listed = await library.machine(reader, "GET", `/api/v1/documents?subject=sha256:${digest}`);
    expect(listed.json).toMatchObject({ rows: [{ sha256: own, name: "tool.sigstore.json" }] });
    expect((await library.machine(reader, "GET", `/api/v1/documents/${own}`)).bytes.toString()).toBe(
      read("tool.sigstore.json"),
    );
    expect((await go(`${line("writer")} --bundle tool.sigstore.json`)).out).toContain("it was there");
    const env = { PROVOST_PUBLISH_TOKEN: writer };
    expect(await go(`attest --publish ${library.world.address} --bundle tool.sigstore.json`, env)).toMatchObject({
      code: 0,
    });
  });

  test.each([
    ["a token without the scope", "--key p256.key tool", "reader", "403"],
    ["something that is no document", "--bundle tool", "writer", "422"],
  ])("%s is refused in the server's words, and what was signed stays", async (_name, what, token, status) => {
    const ran = await go(`${line(token)} ${what}`);
    expect(ran.code).toBe(7);
    expect(ran.err).toMatch(new RegExp(`^PUBLISH_REFUSED: the server .* \\(${status}\\): .{10,}`));
    expect(ran.out + ran.err).not.toContain(reader);
    expect(existsSync(at("tool.sigstore.json"))).toBe(true);
  });

  test("a server that is not there is named, and what was signed stays", async () => {
    const ran = await go("attest --publish http://127.0.0.1:1 --token-file writer --key p256.key tool");
    expect([ran.code, ran.err]).toEqual([
      7,
      expect.stringMatching(/^PUBLISH_REFUSED: the server at 127\.0\.0\.1:1 cannot be asked/),
    ]);
  });
});

test.each<readonly [string, string, number, string]>([
  ["nothing to sign with", "attest app.tgz", 2, "with what to sign was not said"],
  ["nothing to sign", "attest --key p256.key", 2, "no artefact was named"],
  ["key and identity", "attest --key p256.key --keyless app.tgz", 2, "exclude each other"],
  ["a key that is not there", "attest --key none.key app.tgz", 2, "NOT_FOUND: the key file"],
  ["a public key", "attest --key p256.pub app.tgz", 2, "holds no private key"],
  ["a key on a curve nobody accepts", "attest --key weak.key app.tgz", 2, "curve 1.3.132.0.10 is not accepted"],
  ["an artefact that is not there", "attest --key p256.key none", 2, "NOT_FOUND: the file"],
  ["an artefact that is a folder", "attest --key p256.key .", 2, "not a regular file"],
  ["the same name twice", "attest --key p256.key tool ./tool", 2, "two artefacts have the same name"],
  ["a predicate without its type", "attest --key p256.key --predicate trust.json tool", 2, "belong together"],
  [
    "a predicate that is no JSON",
    "attest --key p256.key --predicate tool --predicate-type a:b tool",
    2,
    "is not read: it is not JSON",
  ],
  ["an SBOM that is none", "attest --key p256.key --sbom trust.json tool", 2, "neither CycloneDX nor SPDX"],
  ["one SBOM for two", "attest --key p256.key --sbom trust.json tool app.tgz", 2, "describes one artefact"],
  [
    "publishing without a token",
    "attest --key p256.key --publish http://127.0.0.1:1 tool",
    2,
    "--publish needs a token",
  ],
  [
    "publishing in the open",
    "attest --key p256.key --publish http://provost.test --token-file p256.key tool",
    2,
    "holds no token",
  ],
  ["a log over http elsewhere", "attest --key p256.key --rekor-url http://rekor.test tool", 2, "not asked over http"],
  ["a key in no known place", "attest --key hashivault://a/b tool", 2, "names no Vault key"],
  ["no identity token in this job", "attest --keyless tool", 2, "carries no identity token"],
])("%s is refused, and nothing is written", async (_name, line, code, says) => {
  for (const name of ["tool.sigstore.json", "app.tgz.sigstore.json"]) rmSync(at(name), { force: true });
  const ran = await go(line);
  expect([ran.code, ran.out]).toEqual([code, ""]);
  expect(ran.err).toContain(says);
  expect([existsSync(at("tool.sigstore.json")), existsSync(at("app.tgz.sigstore.json"))]).toEqual([false, false]);
});

import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DeviceId, Purl } from "@provost/shared/model/ids.ts";
import type { TrustDocument } from "@provost/shared/provenance/trust.ts";
import { retellFiles, writeFiles } from "../../agent/inventory/write-files.ts";
import { openLink, type Link } from "../../agent/link/link.ts";
import { acceptAttested, acceptTrust, documentsHeld, trustNow } from "../../agent/provenance/attested.ts";
import { acceptProof, judgeNow, proofsIn } from "../../agent/provenance/proofs.ts";
import { factsOf as factsOfRow, type FileRow } from "../../agent/inventory/file-rows.ts";
import { openState, readMeta, type State } from "../../agent/state/state.ts";
import { documentsAbout } from "../../server/api/handlers/documents-about.ts";
import { newMachineToken } from "../../server/machines/tokens.ts";
import { digestOf, factsOf } from "../support/frames.ts";
import { openWorld, until, type World } from "../support/server-world.ts";
import { forgeBuilder, trustOf } from "../support/signed-statements.ts";

/** One device and one server over their real socket; CI and owner over the real HTTP API. */
const builder = forgeBuilder();
const app = digestOf("app");
const tarball = digestOf("tarball");
const sha512 = "9".repeat(128);
const folder = mkdtempSync(join(tmpdir(), "provost-documents-"));

let world: World;
let state: State;
let link: Link;
let secret: string;
const sessionsLost: string[] = [];
const deviceId = (): DeviceId => (readMeta(state, "device") ?? "") as DeviceId;

beforeAll(async () => {
  world = await openWorld();
  state = openState(folder);
  const made = newMachineToken(
    world.parts.store.machines,
    {
      name: "ci",
      scopes: ["documents:write", "documents:read", "trust:write"],
      limits: {},
      expiresAt: Date.now() + 60_000,
    },
    Date.now(),
  );
  ({ secret } = made);
  const integrity = `sha512-${Buffer.from(sha512, "hex").toString("base64")}`;
  const purl = "pkg:npm/app@1.0.0" as Purl;
  const pinnedBy = { lockfile: "/l", integrity, archive: tarball, purl };
  const write = (): void =>
    state.transaction(() =>
      writeFiles(
        state,
        [
          factsOf("/opt/app", { digest: app }),
          factsOf("/n/a.js", {
            records: [{ path: "/n/a.js", purl, via: "npm-cache", role: "file", agrees: "yes", pinnedBy }],
          }),
        ],
        proofsIn(state),
        1,
      ),
    )();
  link = openLink(
    state,
    { url: `${world.address.replace(/^http/, "ws")}/agent`, name: "one", token: world.token() },
    {
      opened: () => {
        write();
        link.spooled();
      },
      drained: () => undefined,
      proof: (message) => void acceptProof(state, message),
      attested(message) {
        acceptAttested(state, message);
        link.spooled();
      },
      trust: (message) => acceptTrust(state, message, Date.now()),
      policy: () => undefined,
      command: () => undefined,
      triage: () => undefined,
      retell: () => retellFiles(state),
      lost: (why) => void sessionsLost.push(why),
    },
  );
});

afterAll(async () => {
  link.close();
  state.close();
  await world.close();
  rmSync(folder, { recursive: true, force: true });
});

async function call(method: "GET" | "POST", path: string, body?: Buffer | object): Promise<unknown> {
  const raw = body === undefined || Buffer.isBuffer(body);
  const answer = await fetch(`${world.address}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${secret}`,
      ...(raw ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
  });
  const value: unknown = await answer.json();
  if (!answer.ok) throw new Error(`${answer.status} ${JSON.stringify(value)}`);
  return value;
}

const onDevice = (path: string): string | undefined => {
  const row = state.prepare<[string], FileRow>("SELECT * FROM files WHERE path = ?").get(path);
  return row === undefined ? undefined : `${row.standing}: ${row.basis}`;
};
const atServer = (path: string): string | undefined => {
  const { rows } = world.parts.store.read.executables({ limit: 100, sort: "path" } as never);
  const row = rows.find((one) => one.path === path);
  return row === undefined ? undefined : `${row.standing}: ${row.basis}`;
};
const both = async (path: string, word: string): Promise<void> => {
  await until(() => atServer(path) === word, `${path} ${word} at the server, it is ${atServer(path)}`);
  await until(() => onDevice(path) === word, `${path} ${word} on the device, it is ${onDevice(path)}`);
};

test("CI uploads provenance; device and server both say proven, and the device holds the document", async () => {
  await both("/opt/app", "unproven: none");
  await call("POST", "/api/v1/trust", { document: trustOf(builder), why: "our builder" });
  await until(
    () => trustNow(state)?.version === world.parts.trusted.record().version,
    "the trust document on the device",
  );
  await call("POST", "/api/v1/documents", builder.provenance({ sha256: app }));
  await both("/opt/app", "proven: source");
  expect(documentsHeld(state, app).map(({ bytes }) => Buffer.from(bytes).toString())).toEqual([
    expect.stringContaining("application/vnd.in-toto+json"),
  ]);
  // The device confirmed what it holds, in the session in which it was sent.
  await until(
    () => world.parts.store.attested.unheld(deviceId(), 10).length === 0,
    "the device's word that it holds the verdict",
  );
  expect(sessionsLost).toEqual([]);
  const row = state.prepare<[], FileRow>("SELECT * FROM files WHERE path = '/opt/app'").get();
  const chain = row === undefined ? [] : judgeNow(state, factsOfRow(row)).chain;
  expect(chain.map(({ link: name, state: is }) => `${name} ${is}`)).toEqual([
    "source verified",
    "build verified",
    "signature verified",
    "file verified",
  ]);
});

test("provenance of a tarball, by its SHA-512, reaches the file that was unpacked from it", async () => {
  await both("/n/a.js", "unproven: pinned");
  await call("POST", "/api/v1/documents", builder.provenance({ sha512 }, { name: "pkg:npm/app@1.0.0" }));
  await both("/n/a.js", "proven: source");
  const row = state.prepare<[], FileRow>("SELECT * FROM files WHERE path = '/n/a.js'").get();
  if (row === undefined) throw new Error("the file is not known");
  expect(documentsAbout(factsOfRow(row), world.parts.store.library)).toMatchObject([
    { kind: "dsse", about: "archive", from: "token ci" },
  ]);
});

test("CI attests its build with the command line and publishes it, and the device's file is proven", async () => {
  const work = join(folder, "ci");
  mkdirSync(work);
  const built = join(work, "tool");
  writeFileSync(built, "the bytes of a tool\n");
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writeFileSync(join(work, "release.key"), privateKey.export({ type: "pkcs8", format: "pem" }));
  const digest = digestOf("the bytes of a tool\n");
  state.transaction(() => writeFiles(state, [factsOf("/opt/tool", { digest })], proofsIn(state), 1))();
  link.spooled();
  await both("/opt/tool", "unproven: none");
  const builderId = "https://ci.test/release";
  const ran = await provost(
    [
      "attest",
      built,
      "--key",
      join(work, "release.key"),
      "--builder-id",
      builderId,
      "--publish",
      world.address,
      "--json",
    ],
    { PROVOST_PUBLISH_TOKEN: secret },
  );
  expect(ran).toMatchObject({ code: 0 });
  await until(
    () => world.parts.store.library.bySubject({ algorithm: "sha256", hex: digest }).length === 1,
    "the bundle in the library",
  );
  // Nobody trusts that key yet: the document is there and proves nothing.
  expect(atServer("/opt/tool")).not.toBe("proven: source");
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  const { document } = ((await call("GET", "/api/v1/trust")) as { current: { document: TrustDocument } }).current;
  const keyId = hintIn(readFileSync(`${built}.sigstore.json`));
  await call("POST", "/api/v1/trust", {
    document: {
      ...document,
      keys: [...(document.keys ?? []), { id: keyId, pem, uses: ["bundle"], withoutLog: true }],
      builders: [...(document.builders ?? []), { builder: { exact: builderId }, signer: { keyId }, level: 2 }],
    },
    why: "our CI",
  });
  await both("/opt/tool", "proven: source");
});

/** A bundle made with a key names it by a hint; a trust document gives the key that id. */
function hintIn(bundle: Buffer): string {
  const { verificationMaterial } = JSON.parse(bundle.toString()) as {
    verificationMaterial: { publicKey: { hint: string } };
  };
  return verificationMaterial.publicKey.hint;
}

/** The real program, as a CI job starts it. */
function provost(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | null; readonly said: string }> {
  return new Promise((resolve, reject) => {
    const program = join(import.meta.dirname, "../../agent/provost.ts");
    const clean = { PATH: process.env["PATH"] ?? "", HOME: folder, ...env };
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, ...args], {
      cwd: join(folder, "ci"),
      env: clean,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, said }));
  });
}

test("a revocation reaches both, and the server says what it changed", async () => {
  const answer = (await call("POST", "/api/v1/trust/revocations", {
    what: "key",
    value: builder.keyId,
    why: "it was stolen",
  })) as { version: string };
  await both("/opt/app", "refuted: revoked");
  await both("/n/a.js", "refuted: revoked");
  const changes = (await call("GET", `/api/v1/trust/${answer.version}/changes`)) as {
    rows: unknown[];
    waiting: number;
  };
  expect(changes.waiting).toBe(0);
  expect(changes.rows).toHaveLength(2);
  expect(trustNow(state)?.version).toBe(answer.version);
});

test("a trust document that is malformed is refused with the reason, and nothing changes", async () => {
  const before = world.parts.trusted.record().version;
  await expect(call("POST", "/api/v1/trust", { document: { keys: [{ id: 7 }] }, why: "x" })).rejects.toThrow(
    /malformed/,
  );
  expect(world.parts.trusted.record().version).toBe(before);
});

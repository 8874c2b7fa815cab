import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { forgedIssuer, forgeSigstore, type ForgedSigstore } from "../../test/support/forge-sigstore.ts";
import { runProvost, type Ran } from "../../test/support/run-provost.ts";

// Whole commands on a machine that may be busy with others.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** What the root says of logs and authorities, and what a bundle borrows from another: each at the edge of being true. */
const cwd = mkdtempSync(join(tmpdir(), "provost-roots-"));
const identity = "https://ci.test/w@refs/heads/main";
const put = (name: string, value: unknown): void => writeFileSync(join(cwd, name), JSON.stringify(value));
const bundle = (name: string): Tree => JSON.parse(readFileSync(join(cwd, name), "utf8")) as Tree;
let sigstore: ForgedSigstore;
let other: ForgedSigstore;

type Tree = { readonly [name: string]: unknown };
type Change = (value: Tree, signed: { readonly at: number }) => Tree;

const sign = (name: string, rekor: 1 | 2, by: ForgedSigstore): Promise<Ran> => {
  put(`${name}.root`, by.trustedRoot);
  put(`${name}.config`, by.signingConfig(rekor));
  const line = `sign-bundle --identity-token ${by.token({ sub: identity })} --bundle ${name} --trusted-root ${name}.root --signing-config ${name}.config a.txt`;
  return runProvost(line.split(" "), { cwd });
};
const verify = (name: string, root: string): Promise<Ran> =>
  runProvost(
    `verify-bundle --bundle ${name} --certificate-identity ${identity} --certificate-oidc-issuer ${forgedIssuer} --trusted-root ${root} a.txt`.split(
      " ",
    ),
    { cwd },
  );

beforeAll(async () => {
  writeFileSync(join(cwd, "a.txt"), "an artefact\n");
  [sigstore, other] = await Promise.all([forgeSigstore(), forgeSigstore()]);
  for (const ran of [
    await sign("v1", 1, sigstore),
    await sign("v1-again", 1, sigstore),
    await sign("v2", 2, sigstore),
    await sign("v2-again", 2, sigstore),
    await sign("foreign", 2, other),
  ])
    if (ran.code !== 0) throw new Error(ran.err);
});
afterAll(async () => {
  await Promise.all([sigstore.close(), other.close()]);
  rmSync(cwd, { recursive: true, force: true });
});

const iso = (at: number): string => new Date(at).toISOString();
const each =
  (name: string, change: (one: Tree) => Tree): Change =>
  (root) => ({ ...root, [name]: (root[name] as Tree[]).map(change) });
const validity =
  (name: string, end: (at: number) => number): Change =>
  (root, { at }) =>
    each(name, (one) => {
      const validFor = { start: iso(at - 86_400_000), end: iso(end(at)) };
      return "publicKey" in one
        ? { ...one, publicKey: { ...(one["publicKey"] as Tree), validFor } }
        : { ...one, validFor };
    })(root, { at });
const without =
  (name: string): Change =>
  (root) => ({ ...root, [name]: [] });

/** Seconds: what logs and timestamps count in. */
const signedAt = (): number => {
  const entries = (bundle("v1")["verificationMaterial"] as Tree)["tlogEntries"] as Tree[];
  return Number(entries[0]?.["integratedTime"]) * 1000;
};

test.each<readonly [string, string, Change, boolean]>([
  ["the root as it is, Rekor v1", "v1", (root) => root, true],
  ["the root as it is, Rekor v2", "v2", (root) => root, true],
  ["a log key that ends at the very time of its promise", "v1", validity("tlogs", (at) => at), true],
  ["a log key that ended a second before its promise", "v1", validity("tlogs", (at) => at - 1000), false],
  ["no log", "v1", without("tlogs"), false],
  [
    "a log key without beginning",
    "v1",
    each("tlogs", (log) => ({ ...log, publicKey: { ...(log["publicKey"] as Tree), validFor: {} } })),
    false,
  ],
  ["no certificate log", "v1", without("ctlogs"), false],
  ["a certificate log that ended before", "v1", validity("ctlogs", (at) => at - 60_000), false],
  ["no certificate authority", "v1", without("certificateAuthorities"), false],
  ["a certificate authority that ended before", "v1", validity("certificateAuthorities", (at) => at - 60_000), false],
  ["no timestamp authority", "v2", without("timestampAuthorities"), false],
  ["a timestamp authority that ended before", "v2", validity("timestampAuthorities", (at) => at - 60_000), false],
  [
    "a timestamp authority that ended before, and one without certificates that did not",
    "v2",
    (root, signed) => {
      const ended = validity("timestampAuthorities", (at) => at - 60_000)(root, signed);
      const empty = { uri: "https://tsa.test", certChain: { certificates: [] }, validFor: { start: iso(0) } };
      return { ...ended, timestampAuthorities: [...(ended["timestampAuthorities"] as Tree[]), empty] };
    },
    false,
  ],
  [
    "the keys of another instance's log",
    "v1",
    (root) => ({ ...root, tlogs: (other.trustedRoot as Tree)["tlogs"] }),
    false,
  ],
])("%s", async (_name, name, change, accepted) => {
  put("root.json", change(sigstore.trustedRoot as Tree, { at: signedAt() }));
  const ran = await verify(name, "root.json");
  expect([ran.code === 0, ran.err === ""]).toEqual([accepted, accepted]);
});

const material = (tree: Tree): Tree => tree["verificationMaterial"] as Tree;
const borrow =
  (part: string, from: string): Change =>
  (tree) => ({
    ...tree,
    verificationMaterial: { ...material(tree), [part]: material(bundle(from))[part] },
  });

test.each<readonly [string, string, Change]>([
  ["the log entry of another signature of the same file", "v1", borrow("tlogEntries", "v1-again")],
  ["the certificate of another signature by the same identity", "v1", borrow("certificate", "v1-again")],
  ["the timestamp of another signature", "v2", borrow("timestampVerificationData", "v2-again")],
  ["another instance's timestamp", "v2", borrow("timestampVerificationData", "foreign")],
  ["another instance's log entry", "v2", borrow("tlogEntries", "foreign")],
  [
    "no timestamp where the log signs no time",
    "v2",
    (tree) => ({ ...tree, verificationMaterial: { ...material(tree), timestampVerificationData: undefined } }),
  ],
  [
    "the same timestamp twice",
    "v2",
    (tree) => {
      const { rfc3161Timestamps } = material(tree)["timestampVerificationData"] as { rfc3161Timestamps: unknown[] };
      return {
        ...tree,
        verificationMaterial: {
          ...material(tree),
          timestampVerificationData: { rfc3161Timestamps: [...rfc3161Timestamps, ...rfc3161Timestamps] },
        },
      };
    },
  ],
  ["all of another instance's", "foreign", (tree) => tree],
])("a bundle with %s is refused", async (_name, name, change) => {
  put("borrowed", change(bundle(name), { at: 0 }));
  put("root.json", sigstore.trustedRoot);
  const ran = await verify("borrowed", "root.json");
  expect(ran.code).not.toBe(0);
  expect(ran.err).toMatch(/^refused: \w/);
});

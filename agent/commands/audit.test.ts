import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bind, chainStart } from "@provost/shared/lib/chain.ts";
import type { ChainedEntry } from "@provost/shared/lib/chain.ts";
import { auditHeadText } from "@provost/shared/model/audit-head.ts";
import type { AuditHead } from "@provost/shared/model/audit-head.ts";
import { runProvost, type Ran } from "../../test/support/run-provost.ts";
import { keyName, makeKeyPair, signWith } from "../link/keys.ts";
import { openState, writeMeta } from "../state/state.ts";

const server = makeKeyPair();
const entries = ((): readonly ChainedEntry[] => {
  let before = chainStart;
  return [1, 2, 3].map((sequence) => {
    const at = Date.UTC(2026, 10, 26, 12, sequence);
    const entry = bind(before, { sequence, at, kind: "approval", by: "ada", says: "Approved: /opt/x", facts: {} });
    before = entry.hash;
    return entry;
  });
})();
const head: AuditHead = {
  audit: "provost-server",
  form: 1,
  at: Date.UTC(2026, 10, 26, 13),
  by: "ada",
  entries: 3,
  first: 1,
  before: chainStart,
  last: entries[2]?.hash ?? "",
  key: server.publicKey,
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "provost-audit-"));
  write(entries);
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(lines: readonly ChainedEntry[]): void {
  const signed = { head, signature: signWith(server.privateKey, Buffer.from(auditHeadText(head))) };
  writeFileSync(join(folder, "audit"), [signed, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(""));
}
const verify = (...more: readonly string[]): Promise<Ran> =>
  runProvost(["audit", "verify", "audit", "--state", join(folder, "state"), ...more], { cwd: folder, env: {} });

test("a server's export is verified where no agent is, and whose key it is remains to be compared", async () => {
  const { code, out } = await verify();
  expect([code, out]).toEqual([
    0,
    `audit: 3 entries of a server, as it was on 2026-11-26T13:00:00.000Z, unbroken.
  1 to 3, from 2026-11-26T12:01:00.000Z to 2026-11-26T12:03:00.000Z, the last hash is ${head.last}
  signed by the key ${keyName(server.publicKey)}
  Whose key that is the file alone cannot show: compare it with the server's (--server).
`,
  ]);
});

test("an enrolled device knows its server's key, and another's it does not", async () => {
  const state = openState(join(folder, "state"));
  writeMeta(state, "server-key", server.publicKey);
  expect((await verify()).out).toContain("signed by this device's server");
  writeMeta(state, "server-key", makeKeyPair().publicKey);
  expect((await verify()).out).toContain("compare it with the server's");
  state.close();
});

test("the key's name, the last hash and one that an earlier export ended with are compared", async () => {
  const [name, other] = [keyName(server.publicKey), keyName(makeKeyPair().publicKey)];
  const earlier = entries[1]?.hash ?? "";
  expect(await verify("--server", name, "--last", head.last, "--holds", earlier)).toMatchObject({
    code: 0,
    out: expect.stringContaining(`signed by that server, whose key is ${name}`) as string,
  });
  expect(await verify("--holds", chainStart)).toMatchObject({ code: 0 });
  expect(await verify("--server", other)).toMatchObject({
    code: 1,
    out: `audit is not what was asked for: it is signed by the key ${name}, which is another server's.\n`,
  });
  expect(await verify("--last", earlier)).toMatchObject({ code: 1 });
  expect(await verify("--holds", "f".repeat(64))).toMatchObject({
    code: 1,
    out: expect.stringMatching(/none of its 3 entries .* its past was another/) as string,
  });
  expect(await verify("--server", "short")).toMatchObject({ code: 2 });
});

test("a device's own export has no server's signature", async () => {
  writeFileSync(join(folder, "audit"), entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  expect(await verify()).toMatchObject({ code: 0 });
  expect(await verify("--server", keyName(server.publicKey))).toMatchObject({
    code: 1,
    out: expect.stringContaining("no server signed it") as string,
  });
});

test("as one document it names server, or line, entry and reason", async () => {
  expect(JSON.parse((await verify("--json")).out)).toEqual({
    file: "audit",
    unbroken: true,
    entries: 3,
    last: head.last,
    server: { key: keyName(server.publicKey), at: head.at, by: "ada", first: 1 },
  });
  write(entries.slice(0, 2));
  expect(await verify()).toMatchObject({
    code: 1,
    out: "audit is broken: line 4: entry 3 is missing from its end.\n",
  });
  write(entries.with(1, { ...(entries[1] as ChainedEntry), by: "eve" }));
  expect(JSON.parse((await verify("--json")).out)).toEqual({
    file: "audit",
    unbroken: false,
    line: 3,
    entry: 2,
    why: "its hash does not follow from its words and the entry before it",
  });
});

import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { instant, type Sha256 } from "@provost/shared/model/ids.ts";
import { readTrust, type TrustDocument } from "@provost/shared/provenance/trust.ts";
import { verify } from "@provost/shared/provenance/verify.ts";
import { runProvost, type Ran } from "../../test/support/run-provost.ts";
import { forgeBuilder, trustOf } from "../../test/support/signed-statements.ts";
import { acceptAttested, acceptTrust } from "../provenance/attested.ts";
import { openState } from "../state/state.ts";

/** What a server sent to this device: trust documents by version, and documents about files. */
const cwd = mkdtempSync(join(tmpdir(), "provost-verify-state-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
const builder = forgeBuilder();
const content = "an application\n";
const sha256 = createHash("sha256").update(content).digest("hex") as Sha256;
const document = builder.provenance({ sha256 });
const trusted: TrustDocument = { version: "owner-1", ...trustOf(builder) };
const revoked: TrustDocument = {
  ...trusted,
  version: "owner-2",
  revocations: [{ what: "key", value: builder.keyId, why: "it was stolen" }],
};
const go = (line: string): Promise<Ran> => runProvost(["verify", ...line.split(" "), "--state", "state"], { cwd });

beforeAll(async () => {
  mkdirSync(join(cwd, "var/lib/dpkg"), { recursive: true });
  writeFileSync(join(cwd, "var/lib/dpkg/status"), "");
  writeFileSync(join(cwd, "app"), content);
  const state = openState(join(cwd, "state"));
  const own = createHash("sha256").update(document).digest("hex") as Sha256;
  const evidence = { bytes: document, sha256: own, name: "app.intoto.json" };
  const read = readTrust(trusted);
  if (!read.ok) throw new Error(read.why);
  const judged = await verify({ sha256 }, [evidence], {}, read.trust, instant(1_700_000_000_000));
  acceptTrust(state, { kind: "trust", version: "owner-1", document: JSON.stringify(trusted) }, 1);
  acceptTrust(state, { kind: "trust", version: "owner-2", document: JSON.stringify(revoked) }, 2);
  acceptAttested(state, {
    kind: "attested",
    version: 1,
    subject: sha256,
    judged: {
      ...judged.verdict,
      chain: [...judged.verdict.chain],
      trustVersion: judged.trustVersion,
      at: judged.at,
    } as never,
    documents: [{ sha256: own, name: "app.intoto.json", base64: document.toString("base64") }],
  });
  state.close();
});

test("documents that the server sent are judged again, under the newest trust it sent", async () => {
  const ran = await go("app --source github.com/octo-org/app --json");
  expect(ran.code).toBe(1);
  expect(JSON.parse(ran.out)).toMatchObject({
    verdict: { standing: "refuted", basis: "revoked" },
    documents: { trustVersion: "owner-2", read: [{ name: "app.intoto.json" }] },
  });
});

test("and under an older version, named by it, as of any time: the verdict it had is the verdict it has", async () => {
  const ran = await go("app --trust owner-1 --at 2026-01-01T00:00:00Z");
  expect([ran.code, ran.err]).toEqual([0, ""]);
  expect(ran.out).toContain("proven: source (SLSA Build L3)");
  expect(ran.out).toContain("Trusted      owner-1 (a version the server sent)");
});

test("a version that neither a file nor the device has is named", async () => {
  const ran = await go("app --trust owner-9");
  expect([ran.code, ran.out]).toEqual([2, ""]);
  expect(ran.err).toContain("NOT_FOUND: the trust document");
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { instant, type Purl, type Sha256 } from "@provost/shared/model/ids.ts";
import type { FileFacts } from "@provost/shared/model/inventory.ts";
import { archiveSubject } from "@provost/shared/provenance/archive-subject.ts";
import { readTrust, type Trust, type TrustDocument } from "@provost/shared/provenance/trust.ts";
import { digestOf, factsOf } from "../../test/support/frames.ts";
import { forgeBuilder, trustOf } from "../../test/support/signed-statements.ts";
import { openState, type State } from "../state/state.ts";
import { acceptAttested } from "./attested.ts";
import { judgeAt } from "./judge-at.ts";

/** A file in an npm tarball: the server sent a document about the tarball, and one about another file. */
const builder = forgeBuilder();
const folder = mkdtempSync(join(tmpdir(), "provost-judge-at-"));
const sha512 = "5".repeat(128);
const purl = "pkg:npm/app@1.0.0" as Purl;
const inTarball: FileFacts = factsOf("/n/a.js", {
  records: [
    {
      path: "/n/a.js",
      purl,
      via: "npm-cache",
      role: "file",
      agrees: "yes",
      pinnedBy: {
        lockfile: "/l",
        integrity: `sha512-${Buffer.from(sha512, "hex").toString("base64")}`,
        archive: digestOf("tarball"),
        purl,
      },
    },
  ],
});
const alone = factsOf("/bin/app");
const now = instant(Date.parse("2026-01-01T00:00:00Z"));
let state: State;

const trust = (document: TrustDocument): Trust => {
  const read = readTrust(document);
  if (!read.ok) throw new Error(read.why);
  return read.trust;
};

function send(subject: Sha256, bytes: Buffer): void {
  const documents = [{ sha256: digestOf(bytes.toString()), name: "app.intoto.json", base64: bytes.toString("base64") }];
  acceptAttested(state, { kind: "attested", version: 1, subject, documents });
}

beforeAll(() => {
  state = openState(folder);
  const [record] = inTarball.records;
  const archive = record === undefined ? undefined : archiveSubject(record);
  if (archive !== undefined) send(archive.key, builder.provenance({ sha512 }, { name: purl }));
  send(alone.digest ?? digestOf(""), builder.provenance({ sha256: digestOf("another file") }));
});
afterAll(() => {
  state.close();
  rmSync(folder, { recursive: true, force: true });
});

test.each<readonly [string, FileFacts, TrustDocument, string]>([
  ["what is proven of the tarball carries to the file", inTarball, trustOf(builder), "proven source"],
  ["under a trust that does not know the builder the lockfile's word is left", inTarball, {}, "unproven pinned"],
  [
    "under a trust that withdrew its key it is refuted",
    inTarball,
    trustOf(builder, { revocations: [{ what: "key", value: builder.keyId, why: "stolen" }] }),
    "refuted revoked",
  ],
  ["a document about another file says nothing", alone, trustOf(builder), "unproven none"],
])("%s", async (_name, facts, document, wanted) => {
  const { standing, basis } = await judgeAt(state, facts, trust(document), now);
  expect(`${standing} ${basis}`).toBe(wanted);
});

test("a key counts in its window: before and after it the lockfile's word is left", async () => {
  const [key] = trustOf(builder).keys ?? [];
  if (key === undefined) throw new Error("no key");
  const windowed = trust({
    ...trustOf(builder),
    keys: [{ ...key, from: "2025-06-01T00:00:00Z", until: "2026-06-01T00:00:00Z" }],
  });
  const at = async (time: string): Promise<string> =>
    (await judgeAt(state, inTarball, windowed, instant(Date.parse(time)))).standing;
  expect([
    await at("2025-01-01T00:00:00Z"),
    await at("2026-01-01T00:00:00Z"),
    await at("2027-01-01T00:00:00Z"),
  ]).toEqual(["unproven", "proven", "unproven"]);
});

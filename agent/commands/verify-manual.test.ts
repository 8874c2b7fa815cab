import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parse } from "yaml";
import { readTrust } from "@provost/shared/provenance/trust.ts";
import { ownerTrust } from "../provenance/owner-trust.ts";

const folder = mkdtempSync(join(tmpdir(), "provost-manual-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const manual = readFileSync(join(import.meta.dirname, "../../docs/operate/verify.md"), "utf8");
const example = /^```yaml\n(version:[^]*?)^```/m.exec(manual)?.[1] ?? "";

test("the trust document of the manual is one that is read, as it stands", () => {
  writeFileSync(join(folder, "trust.yaml"), example);
  expect(ownerTrust("trust.yaml", (name) => join(folder, name), undefined).trust).toMatchObject({
    version: "ours-7",
    keys: [{ id: "release", withoutLog: true }],
    builders: [{ level: 2 }],
    revocations: [{ what: "digest" }],
  });
  expect(readTrust(parse(example)).ok).toBe(true);
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProofMessage } from "@provost/shared/protocol/frames.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digestOf, factsOf, purlOf, recordOf } from "../../test/support/frames.ts";
import { openState, type State } from "../state/state.ts";
import { acceptProof, judgeNow } from "./proofs.ts";

const tool = purlOf("tool");
let folder: string;
let state: State;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "provost-proofs-"));
  state = openState(folder);
});
afterEach(() => {
  state.close();
  rmSync(folder, { recursive: true, force: true });
});

const proof = (more: Partial<ProofMessage>): ProofMessage => ({
  kind: "proof",
  version: 1,
  root: "",
  purl: tool,
  state: "derived",
  says: "A signed index lists it.",
  links: [],
  files: [],
  ...more,
});
const said = (path: string, bytes: string): string => {
  const { standing, basis } = judgeNow(
    state,
    factsOf(path, { digest: digestOf(bytes), records: [recordOf(path, "tool")] }),
  );
  return `${standing}: ${basis}`;
};

test("a proof speaks of the files that were asked about, and says nothing of one that was met since", () => {
  acceptProof(state, proof({ files: [{ path: "/bin/asked", sha256: digestOf("asked") }], absent: ["/bin/claimed"] }));
  expect(said("/bin/asked", "asked")).toBe("signed: publisher");
  expect(said("/bin/asked", "changed")).toBe("refuted: contradicted");
  expect(said("/bin/claimed", "anything")).toBe("refuted: contradicted");
  expect(said("/bin/met-since", "anything")).toBe("unproven: recorded");
  acceptProof(state, proof({ version: 2, files: [{ path: "/bin/met-since", sha256: digestOf("signed") }] }));
  expect(said("/bin/met-since", "anything")).toBe("refuted: contradicted");
  expect(said("/bin/claimed", "anything")).toBe("unproven: recorded");
});

test("several signed builds: any of their digests will do", () => {
  const files = ["one", "two"].map((bytes) => ({ path: "/bin/tool", sha256: digestOf(bytes) }));
  acceptProof(state, proof({ files }));
  expect([said("/bin/tool", "one"), said("/bin/tool", "two"), said("/bin/tool", "three")]).toEqual([
    "signed: publisher",
    "signed: publisher",
    "refuted: contradicted",
  ]);
});

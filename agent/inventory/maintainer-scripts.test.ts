import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import type { FileFacts, JudgedRecord } from "@provost/shared/model/inventory.ts";
import type { Instant, Purl, Sha256 } from "@provost/shared/model/ids.ts";
import { proofsIn } from "../provenance/proofs.ts";
import type { State } from "../state/state.ts";
import { openState } from "../state/state.ts";
import { forgetMaintainerScripts, keepMaintainerScripts } from "./maintainer-scripts.ts";
import { forgetFiles, writeFiles } from "./write-files.ts";

const scratch = mkdtempSync(join(tmpdir(), "provost-scripts-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const script = "/var/lib/dpkg/info/tool.prerm";
const other = "bb".repeat(32) as Sha256;
const record: JudgedRecord = {
  path: script,
  purl: "pkg:deb/debian/tool@1?arch=amd64" as Purl,
  via: "dpkg-list",
  role: "file",
  packagedAs: "DEBIAN/prerm",
  agrees: "not-compared",
};
const file = (path: string, more: Partial<FileFacts> = {}): FileFacts => ({
  path,
  root: "",
  kind: "script",
  identity: { dev: 2049, ino: 7, size: 10, ctimeMs: 1000 },
  mode: 0o100755,
  uid: 0,
  digest: "aa".repeat(32) as Sha256,
  records: [record],
  seenAt: 5 as Instant,
  ...more,
});
const dpkg = (more: Partial<JudgedRecord> = {}, root = ""): FileFacts =>
  file("/usr/bin/dpkg", {
    root,
    records: [{ ...record, path: "/usr/bin/dpkg", via: "dpkg-md5sums", agrees: "yes", ...more }],
  });

let state: State;
beforeEach(() => {
  state = openState(mkdtempSync(join(scratch, "s-")));
});
const write = (...files: readonly FileFacts[]): void => writeFiles(state, files, proofsIn(state), 1);
const kept = (): readonly string[] =>
  state
    .prepare<[], { root: string; path: string }>("SELECT root, path FROM maintainer_scripts ORDER BY root")
    .all()
    .map(({ root, path }) => root + path);

test("what dpkg's database lists is kept, in each root whose own dpkg is vouched for", () => {
  write(dpkg(), file(script), dpkg({}, "/srv/a"), file(script, { root: "/srv/a" }), file(script, { root: "/srv/b" }));
  keepMaintainerScripts(state);
  expect(kept()).toEqual([script, `/srv/a${script}`]);
});

test.each([
  ["no package's", [dpkg(), file(script, { records: [] })]],
  ["a package's, at another place", [dpkg(), file("/srv/tool.prerm")]],
  ["another user's", [dpkg(), file(script, { uid: 1000 })]],
  ["everybody's to write", [dpkg(), file(script, { mode: 0o100777 })]],
  ["kept by a dpkg that differs from its record", [dpkg({ agrees: "no" }), file(script)]],
])("a script that is %s is not", (_what, files) => {
  write(...files);
  keepMaintainerScripts(state);
  expect(kept()).toEqual([]);
});

test.each([
  ["it is another one now", () => write(file(script, { digest: other }))],
  ["it is gone", () => forgetFiles(state, [{ root: "", path: script }])],
  ["dpkg does not know its package any more", () => write(file(script, { records: [] }))],
])("it is forgotten once %s, and does not come back", (_what, happens) => {
  write(dpkg(), file(script));
  keepMaintainerScripts(state);
  forgetMaintainerScripts(state, 6);
  expect(kept()).toEqual([script]);
  happens();
  forgetMaintainerScripts(state, 6);
  write(file(script));
  forgetMaintainerScripts(state, 6);
  expect(kept()).toEqual([]);
});

test("what dpkg put there while a pass was under way is not forgotten by that pass", () => {
  write(dpkg(), file(script));
  keepMaintainerScripts(state);
  forgetFiles(state, [{ root: "", path: script }]);
  forgetMaintainerScripts(state, 5);
  expect(kept()).toEqual([script]);
});

import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import type { FileEvent, ProcessStamp } from "@provost/shared/model/event.ts";
import type { Instant, Purl, Sha256 } from "@provost/shared/model/ids.ts";
import { hashFile } from "../identity/hash.ts";
import { writeFiles } from "../inventory/write-files.ts";
import { proofsIn } from "../provenance/proofs.ts";
import type { State } from "../state/state.ts";
import { openState } from "../state/state.ts";
import { KeptScripts } from "./kept-scripts.ts";
import { ProcessTable } from "./process-table.ts";

const scratch = mkdtempSync(join(tmpdir(), "provost-kept-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const now = 7 as Instant;
const script = "/var/lib/dpkg/info/tool.prerm";
const dpkg = { inode: 50, pid: 4_000_001, started: 5e9 };
let state: State;
let root: string;
let processes: ProcessTable;
let scripts: KeptScripts;

beforeEach(() => {
  root = mkdtempSync(join(scratch, "r-"));
  state = openState(join(root, "state"));
  processes = new ProcessTable();
  scripts = new KeptScripts(state, processes);
  mkdirSync(join(root, "var/lib/dpkg/info"), { recursive: true });
  writeFileSync(join(root, script), "#!/bin/sh\n");
  vouch("yes");
});

function vouch(agrees: "yes" | "no"): void {
  const path = "/usr/bin/dpkg";
  const purl = "pkg:deb/debian/dpkg@1?arch=amd64" as Purl;
  const record = { path, purl, via: "dpkg-md5sums" as const, role: "file" as const, agrees };
  const identity = { dev: 1, ino: dpkg.inode, size: 5, ctimeMs: 1 };
  const digest = "ee".repeat(32) as Sha256;
  writeFiles(
    state,
    [{ path, root, kind: "elf", identity, mode: 0o755, uid: 0, digest, records: [record], seenAt: now }],
    proofsIn(state),
    1,
  );
}

/** dpkg, or another program, gives the script its name. */
function rename(by: { readonly program?: string; readonly inode?: number } = {}, path = script): void {
  const { program = "/usr/bin/dpkg", inode = dpkg.inode } = by;
  processes.exec(dpkg.pid, dpkg.started, 1, program, "", inode);
  const { ino, size, ctimeMs } = statSync(join(root, path));
  const event = {
    kind: "file",
    path: join(root, path),
    who: { pid: dpkg.pid, started: dpkg.started } as ProcessStamp,
    file: { inode: ino, bytes: size, changed: ctimeMs * 1e6, device: 1, links: 1 },
  } as FileEvent;
  scripts.renamed(event, { root, path }, now);
}

function kept(path = script): ReturnType<KeptScripts["of"]> {
  const hashed = hashFile(join(root, path), new Set());
  return hashed.ok ? scripts.of({ root, path }, hashed.sha256) : undefined;
}

test("what the root's own dpkg puts among its scripts is kept, until it is another one", () => {
  rename();
  expect(kept()).toEqual({ keeper: `${root}/usr/bin/dpkg`, at: now, isOlder: false });
  writeFileSync(join(root, script), "#!/bin/sh\nother\n");
  expect(kept()).toBeUndefined();
});

test.each([
  ["another program puts there", { program: "/usr/bin/mv" }],
  ["another program of dpkg's name puts there", { inode: 51 }],
])("what %s is not", (_what, by) => {
  rename(by);
  expect(kept()).toBeUndefined();
});

test("what dpkg puts elsewhere is not, nor is what nothing vouches for its dpkg", () => {
  writeFileSync(join(root, "var/lib/dpkg/info/tool.list"), "#!/bin/sh\n");
  rename({}, "/var/lib/dpkg/info/tool.list");
  expect(kept("/var/lib/dpkg/info/tool.list")).toBeUndefined();
  rename();
  vouch("no");
  expect(kept()).toBeUndefined();
});

test("bytes that were changed since dpkg put them there are not", () => {
  processes.exec(dpkg.pid, dpkg.started, 1, "/usr/bin/dpkg", "", dpkg.inode);
  const { ino } = statSync(join(root, script));
  const who = { pid: dpkg.pid, started: dpkg.started } as ProcessStamp;
  const file = { inode: ino, bytes: 9, changed: 1, device: 1, links: 1 };
  const event = { kind: "file", path: join(root, script), who, file } as FileEvent;
  scripts.renamed(event, { root, path: script }, now);
  expect(kept()).toBeUndefined();
});

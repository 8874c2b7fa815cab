import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { GateQuestion, ProcessStamp } from "@provost/shared/model/event.ts";
import type { GateMode } from "@provost/shared/model/gate.ts";
import type { FileFacts, JudgedRecord } from "@provost/shared/model/inventory.ts";
import type { Instant, Purl, Sha256 } from "@provost/shared/model/ids.ts";
import { defaultPolicy } from "@provost/shared/policy/default-policy.ts";
import type { Policy } from "@provost/shared/policy/rules.ts";
import type { Frame } from "@provost/shared/protocol/frames.ts";
import { keepMaintainerScripts } from "../inventory/maintainer-scripts.ts";
import { writeFiles } from "../inventory/write-files.ts";
import { proofsIn } from "../provenance/proofs.ts";
import type { Answer } from "../sensors/sensor.ts";
import { lease } from "../spool/spool.ts";
import type { State } from "../state/state.ts";
import { openState } from "../state/state.ts";
import { keepApproval } from "./approvals.ts";
import { Gate } from "./gate.ts";
import type { LookAnswer } from "./look.ts";
import { ProcessTable } from "./process-table.ts";
import { StoppedFiles } from "./stopped.ts";
import { Telling } from "./tell.ts";

const scratch = mkdtempSync(join(tmpdir(), "provost-gate-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const now = Date.parse("2026-11-26T12:00:00Z") as Instant;
const known = "aa".repeat(32) as Sha256;
const unknown = "bb".repeat(32) as Sha256;
const recorded: JudgedRecord = {
  path: "/usr/bin/tool",
  purl: "pkg:deb/debian/tool@1?arch=amd64" as Purl,
  via: "dpkg-md5sums",
  role: "file",
  expected: { algorithm: "md5", hex: "00" },
  agrees: "yes",
};
const file = (path: string, digest: Sha256, more: Partial<FileFacts> = {}): FileFacts => ({
  path,
  root: "",
  kind: "elf",
  identity: { dev: 2049, ino: 7, size: 10, ctimeMs: 1000 },
  mode: 0o100755,
  uid: 0,
  digest,
  records: [],
  seenAt: now,
  ...more,
});
const process_ = (pid: number): ProcessStamp => ({
  pid,
  parent: 1,
  started: pid * 1e9,
  parentStarted: 0,
  cgroup: 0,
  user: 1000,
  group: 1000,
  loginUser: undefined,
  session: undefined,
  mountNamespace: 0,
  pidNamespace: 0,
  name: "bash",
});

let state: State;
let gate: Gate;
let processes: ProcessTable;
let telling: Telling;
let answers: { readonly id: bigint; readonly answer: Answer }[];
let requests: string[];
let failures: string[];
let looks: string[];
let sealingSince: number | undefined;
let inventoried: boolean;
let clock: Instant;
let look: (path: string) => Promise<LookAnswer>;

function open(mode: GateMode, policy: Policy = defaultPolicy): void {
  gate = new Gate(
    {
      state,
      processes,
      stopped: new StoppedFiles(state, "device"),
      telling,
      looking: {
        at(path) {
          looks.push(path);
          return look(path);
        },
      },
      device: { id: "device", groups: [] },
      inventoried: () => inventoried,
      sealingSince: () => sealingSince,
      now: () => clock,
      userName: (uid) => `user${uid}`,
      answer: (id, answer) => void answers.push({ id, answer }),
      told: () => undefined,
      request: ({ code }) => void requests.push(code),
      judged: () => undefined,
      failed: (path) => void failures.push(path),
    },
    { ...policy, gate: { ...policy.gate, mode } },
  );
}

beforeEach(() => {
  state = openState(mkdtempSync(join(scratch, "s-")));
  processes = new ProcessTable();
  telling = new Telling(state, new StoppedFiles(state, "device"), () => undefined);
  answers = [];
  requests = [];
  failures = [];
  looks = [];
  sealingSince = undefined;
  inventoried = true;
  clock = now;
  look = () => Promise.resolve({ id: 1, why: "not there" });
  writeFiles(state, [file("/usr/bin/tool", known, { records: [recorded] })], proofsIn(state), 1);
  open("block");
});

test("before a first pass has ended nothing is stopped", () => {
  inventoried = false;
  open("quarantine");
  expect([gate.mode, gate.settings().mode]).toEqual(["record", "record"]);
  inventoried = true;
  expect([gate.mode, gate.settings().mode]).toEqual(["quarantine", "block"]);
  inventoried = false;
  open("warn");
  expect(gate.mode).toBe("warn");
});

let id = 0n;
function question(digest: Sha256 | undefined, path: string, more: Partial<GateQuestion> = {}): GateQuestion {
  id += 1n;
  return {
    kind: "ask",
    id,
    time: 0,
    deadline: 2e9,
    who: process_(100),
    file: { inode: 9, changed: 1e9, bytes: 10, device: 0x800001, links: 1 },
    digest,
    access: "exec",
    flags: 0,
    writer: undefined,
    written: 0,
    owner: 1000,
    group: 1000,
    mode: 0o100755,
    path,
    executable: "/bin/bash",
    ...more,
  };
}
async function ask(asked: GateQuestion): Promise<Answer> {
  gate.asked(asked);
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const found = answers.find((one) => one.id === asked.id);
    if (found === undefined) continue;
    // What is written down comes after the answer.
    await new Promise((resolve) => setImmediate(resolve));
    return found.answer;
  }
}
function told(): readonly Frame[] {
  telling.flush();
  return (lease(state, 0)?.frames ?? []) as Frame[];
}
const decisions = () => told().flatMap((frame) => (frame.kind === "decisions" ? frame.items : []));

test("what something claims runs, wherever its bytes lie, and nothing is told of it", async () => {
  expect(await ask(question(known, "/usr/bin/tool"))).toMatchObject({
    allow: true,
    remember: "digest",
    kind: "verdict",
  });
  expect(await ask(question(known, "/srv/copy"))).toMatchObject({ allow: true, remember: "digest" });
  expect(decisions()).toEqual([]);
});

test("what nothing claims does not run; the terminal and the server are told why, with one code", async () => {
  const answer = await ask(question(unknown, "/home/a/app"));
  expect(answer).toMatchObject({ allow: false, remember: "file" });
  const [item] = decisions();
  expect(item).toMatchObject({
    path: "/home/a/app",
    sha256: unknown,
    allowed: false,
    action: "block",
    cause: "requirement",
    rule: "something claims it",
    standing: "unproven",
    basis: "none",
    process: { pid: 100, uid: 1000, executable: "/bin/bash" },
    count: 1,
  });
  expect(item?.code).toMatch(/^[0-9a-f]{6}$/);
  expect(answer.notice).toBe(
    `Stopped: /home/a/app has no proof of where it was built (nothing claims it).\n  Ask for it:  provost request ${item?.code}      Why:  provost why ${item?.code}\n`,
  );
});

test("equal decisions are one item with a count", async () => {
  for (let turn = 0; turn < 3; turn += 1) await ask(question(unknown, "/home/a/app"));
  expect(decisions()).toMatchObject([{ count: 3 }]);
});

test("under record everything runs, and what would have happened is told", async () => {
  open("record");
  expect(await ask(question(unknown, "/home/a/app"))).toMatchObject({ allow: true });
  expect(decisions()).toMatchObject([{ allowed: true, action: "record", would: "block" }]);
});

test("under hold a request for approval is filed by itself", async () => {
  open("hold");
  expect(await ask(question(unknown, "/home/a/app"))).toMatchObject({ allow: false });
  expect(requests).toEqual([decisions()[0]?.code]);
});

test("an approval lets exactly these bytes run, until it ends", async () => {
  keepApproval(state, {
    digest: unknown,
    code: "123abc",
    owner: "ada",
    reason: "needed",
    at: now,
    expires: (now + 60_000) as Instant,
  });
  expect(await ask(question(unknown, "/home/a/app"))).toMatchObject({ allow: true, kind: "exception", forMs: 60_000 });
  expect(decisions()).toMatchObject([{ cause: "exception", rule: "approval 123abc", allowed: true }]);
});

test("what a verified compiler wrote runs for the hours of lineage, and is remembered by its digest", async () => {
  const linker = file("/usr/bin/ld", "cc".repeat(32) as Sha256, {
    records: [{ ...recorded, path: "/usr/bin/ld" }],
    identity: { dev: 2049, ino: 50, size: 5, ctimeMs: 2000 },
  });
  writeFiles(state, [linker], proofsIn(state), 1);
  const writer = {
    file: { inode: 50, changed: 2000e6, bytes: 5, device: 0x800001, links: 1 },
    process: process_(60),
    path: "/usr/bin/ld",
  };
  expect(await ask(question(unknown, "/home/a/app", { writer }))).toMatchObject({
    allow: true,
    kind: "lineage",
    remember: "digest",
    forMs: 24 * 3_600_000,
  });
  expect(decisions()).toMatchObject([{ cause: "lineage", basis: "generated", allowed: true }]);
  // A copy made by `install` has the same bytes, and cp is no compiler.
  const copier = { ...writer, path: "/usr/bin/cp" };
  expect(await ask(question(unknown, "/usr/local/bin/app", { writer: copier }))).toMatchObject({
    allow: true,
    kind: "lineage",
  });
});

test.each([
  ["a compiler that nothing vouches for", "/home/a/ld", 51],
  ["another program at a compiler's path", "/usr/bin/ld", 52],
  ["a verified program that makes no programs", "/usr/bin/tool", 7],
])("what %s wrote does not run", async (_what, path, inode) => {
  const linker = file("/usr/bin/ld", "cc".repeat(32) as Sha256, {
    records: [{ ...recorded, path: "/usr/bin/ld" }],
    identity: { dev: 2049, ino: 50, size: 5, ctimeMs: 2000 },
  });
  writeFiles(state, [linker], proofsIn(state), 1);
  const writer = {
    file: { inode, changed: 2000e6, bytes: 5, device: 0x800001, links: 1 },
    process: process_(60),
    path,
  };
  expect(await ask(question(unknown, "/home/a/app", { writer }))).toMatchObject({ allow: false });
});

describe("a package's script that dpkg kept before the first pass", () => {
  const script = "/var/lib/dpkg/info/tool.prerm";
  const listed: JudgedRecord = {
    path: script,
    purl: recorded.purl,
    via: "dpkg-list",
    role: "file",
    packagedAs: "DEBIAN/prerm",
    agrees: "not-compared",
  };
  const kept = file(script, unknown, { kind: "script", records: [listed] });
  const dpkg = (agrees: JudgedRecord["agrees"]): FileFacts =>
    file("/usr/bin/dpkg", "ee".repeat(32) as Sha256, { records: [{ ...recorded, path: "/usr/bin/dpkg", agrees }] });
  beforeEach(() => {
    writeFiles(state, [kept, dpkg("yes")], proofsIn(state), 1);
    keepMaintainerScripts(state);
  });

  test("runs, of that file only, and its verdict says why", async () => {
    expect(await ask(question(unknown, script))).toMatchObject({ allow: true, kind: "lineage", remember: "file" });
    const [item] = decisions();
    expect(item).toMatchObject({ standing: "unproven", basis: "generated", cause: "lineage", allowed: true });
    expect(item?.why).toBe(
      `${script} is a package's script: dpkg kept it here before the agent's first pass; it is worth at most what /usr/bin/dpkg is worth.`,
    );
  });

  test("the hours of lineage do not end it", async () => {
    clock = (now + 400 * 86_400_000) as Instant;
    expect(await ask(question(unknown, script))).toMatchObject({ allow: true, forMs: 24 * 3_600_000 });
  });

  test.each([
    ["the same bytes elsewhere", unknown, "/home/a/tool.prerm"],
    ["other bytes in its place", "dd".repeat(32) as Sha256, script],
    ["a script that came later", "dd".repeat(32) as Sha256, "/var/lib/dpkg/info/other.prerm"],
  ])("%s do not run", async (_what, digest, path) => {
    expect(await ask(question(digest, path))).toMatchObject({ allow: false });
  });

  test("it does not run where nothing vouches for dpkg any more", async () => {
    writeFiles(state, [dpkg("no")], proofsIn(state), 2);
    expect(await ask(question(unknown, script))).toMatchObject({ allow: false });
  });

  test("nor where the owner wants no lineage at all", async () => {
    open("block", {
      ...defaultPolicy,
      gate: { ...defaultPolicy.gate, lineage: { ...defaultPolicy.gate.lineage, hours: 0 } },
    });
    expect(await ask(question(unknown, script))).toMatchObject({ allow: false });
  });
});

test("unknown bytes beside a package's files are looked up in the books before the answer", async () => {
  look = () => {
    writeFiles(
      state,
      [file("/usr/bin/new", unknown, { records: [{ ...recorded, path: "/usr/bin/new" }] })],
      proofsIn(state),
      0,
    );
    return Promise.resolve({ id: 1, digest: unknown });
  };
  expect(await ask(question(unknown, "/usr/bin/new"))).toMatchObject({ allow: true });
  expect(looks).toEqual(["/usr/bin/new"]);
  await ask(question("dd".repeat(32) as Sha256, "/home/a/app"));
  expect(looks).toHaveLength(1);
});

test("a look that does not end in time is an answer of its own, and is not remembered", async () => {
  look = () => new Promise(() => undefined);
  const asked = question(unknown, "/usr/bin/new", { deadline: 0.1e9 });
  expect(await ask(asked)).toMatchObject({ allow: true, remember: "none" });
  expect(decisions()).toMatchObject([{ standing: "unchecked", basis: "deadline", action: "record", allowed: true }]);
});

test("bytes that were first too late and then judged have one code", async () => {
  look = () => new Promise(() => undefined);
  await ask(question(unknown, "/usr/bin/new", { deadline: 0.1e9 }));
  look = () => Promise.resolve({ id: 1, why: "not there" });
  await ask(question(unknown, "/usr/bin/new"));
  const told = decisions();
  expect(told).toHaveLength(2);
  expect(new Set(told.map(({ code, sha256 }) => `${code} ${sha256 ?? ""}`)).size).toBe(1);
});

test("what could not be read is not remembered", async () => {
  expect(await ask(question(undefined, "/home/a/app"))).toMatchObject({ remember: "none" });
  expect(decisions()).toMatchObject([{ standing: "unchecked", basis: "unreadable" }]);
});

test("a file that differs from its signed package is refused also with an approval and by lineage", async () => {
  state
    .prepare("INSERT INTO proofs (root, purl, state, says, wanted, links) VALUES ('', ?, 'derived', 'x', NULL, '[]')")
    .run(recorded.purl);
  state
    .prepare("INSERT INTO proof_files (root, purl, path, sha256) VALUES ('', ?, '/usr/bin/tool', ?)")
    .run(recorded.purl, known);
  writeFiles(state, [file("/usr/bin/tool", unknown, { records: [{ ...recorded, agrees: "no" }] })], proofsIn(state), 1);
  keepApproval(state, {
    digest: unknown,
    code: "1",
    owner: "a",
    reason: "r",
    at: now,
    expires: (now + 1000) as Instant,
  });
  expect(await ask(question(unknown, "/usr/bin/tool"))).toMatchObject({ allow: false });
  expect(decisions()).toMatchObject([{ standing: "refuted", basis: "contradicted", cause: "refuted" }]);
});

test("failures of the gate are told with their cause; what it remembered is not", () => {
  const base = { ...question(unknown, "/home/a/app"), kind: "gate" as const, allowed: false, count: 4 };
  gate.answered({ ...base, cause: "late" });
  gate.answered({ ...base, cause: "remembered", allowed: true });
  expect(decisions()).toMatchObject([
    { cause: "late", count: 4, allowed: false, standing: "unchecked", basis: "deadline" },
  ]);
});

test("a fault while judging is no answer: the policy says what a late one means", async () => {
  state.close();
  gate.asked(question(unknown, "/home/a/app"));
  await new Promise((resolve) => setImmediate(resolve));
  expect(answers).toEqual([]);
  expect(failures).toEqual(["/home/a/app"]);
  state = openState(mkdtempSync(join(scratch, "s-")));
});

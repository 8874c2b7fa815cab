import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ExecEvent, FileEvent, FileStamp, ProcessStamp, SensorEvent } from "@provost/shared/model/event.ts";
import type { Instant, Sha256 } from "@provost/shared/model/ids.ts";
import type { Observed } from "@provost/shared/model/observed.ts";
import { defaultGate, outcomesFor } from "@provost/shared/policy/gate.ts";
import { sensors } from "../sensors/index.ts";
import { RecordReader } from "../sensors/linux/record-reader.ts";
import type { EventBatch } from "../sensors/sensor.ts";
import { framesOf } from "./frames-of.ts";
import { Telemetry } from "./telemetry.ts";
import type { KnownFile, TelemetryParts } from "./telemetry.ts";

const own = 500;
const signed: KnownFile = { sha256: "a".repeat(64) as Sha256, worth: { standing: "signed", basis: "publisher" } };

/** A telemetry whose clock stands still, and what it told until now. */
function scene(more: Partial<TelemetryParts> = {}) {
  const told: Observed[] = [];
  const lost: number[] = [];
  const made: string[] = [];
  const changed: string[] = [];
  const telemetry = new Telemetry({
    name: "t",
    clock: () => 0,
    instant: (sinceBoot) => Math.round(sinceBoot / 1e6) as Instant,
    userName: (uid) => (uid === 1000 ? "kim" : String(uid)),
    file: () => ({}),
    place: (path) => (path.startsWith("/srv/root/") ? { root: "/srv/root", path: path.slice(9) } : { root: "", path }),
    owner: ({ path }) => (path === "/usr/bin/grep" ? "pkg:deb/debian/grep@3" : undefined),
    before: () => undefined,
    isOwn: ({ parent }) => parent === own,
    made: (path) => made.push(path),
    changed: (path) => changed.push(path),
    renamed: () => undefined,
    tell: (events) => told.push(...events),
    dropped: (count) => lost.push(count),
    ...more,
  });
  const see = (...events: readonly SensorEvent[]): readonly Observed[] => {
    telemetry.take(batch(events));
    telemetry.flush();
    return told.splice(0);
  };
  return { telemetry, see, told, lost, made, changed };
}

const batch = (events: readonly SensorEvent[]): EventBatch => ({
  length: events.length,
  processes: () => undefined,
  [Symbol.iterator]: () => events[Symbol.iterator](),
});
const stamp = (inode: number): FileStamp => ({ inode, changed: 1, bytes: 1, device: 1, links: 1 });
const who = (pid: number, parent: number): ProcessStamp => ({
  pid,
  parent,
  started: pid * 1e9,
  parentStarted: parent * 1e9,
  cgroup: 1,
  user: 1000,
  group: 1000,
  loginUser: 1000,
  session: 3,
  mountNamespace: 1,
  pidNamespace: 1,
  name: "sh",
});
const seen = { time: 5e9, sequence: 0, cpu: 0, flags: 0 };
const exec = (pid: number, parent: number, path: string, more: Partial<ExecEvent> = {}): ExecEvent => ({
  ...seen,
  kind: "exec",
  who: who(pid, parent),
  file: stamp(pid),
  script: undefined,
  path,
  called: path,
  directory: "/srv",
  arguments: [path],
  argumentCount: 1,
  cgroupName: "",
  ...more,
});
const file = (path: string, what: Partial<FileEvent>, by = who(7, 1)): FileEvent => ({
  ...seen,
  kind: "file",
  who: by,
  file: stamp(99),
  created: false,
  written: false,
  renamed: false,
  deleted: false,
  attributes: false,
  opened: false,
  isFolder: false,
  path,
  from: undefined,
  ...what,
});

test("what the agent itself says to systemd is not told; what others say is", () => {
  const { see } = scene();
  const fork = (pid: number, parent: number): SensorEvent => ({
    ...seen,
    kind: "fork",
    who: who(parent, 1),
    child: pid,
    childStarted: pid * 1e9,
  });
  const exit = (pid: number, parent: number): SensorEvent => ({
    ...seen,
    kind: "exit",
    who: who(pid, parent),
    waitStatus: 0,
    ranFor: 0,
  });
  const say = (pid: number, parent: number, path = "/usr/bin/systemd-notify"): readonly SensorEvent[] => [
    fork(pid, parent),
    exec(pid, parent, path),
    exit(pid, parent),
  ];
  expect(see(...say(8, own))).toEqual([]);
  expect(see(...say(9, 7)).map(({ kind }) => kind)).toEqual(["exec", "exit"]);
  expect(see(...say(10, own, "/tmp/systemd-notify")).map(({ kind }) => kind)).toEqual(["exec", "exit"]);
  // The number is given again.
  expect(see(...say(8, 7, "/bin/true")).map(({ kind }) => kind)).toEqual(["exec", "exit"]);
});

test("a start is told with user, parents, digest and worth, and a script by its whole path", () => {
  const { see } = scene({ file: ({ inode }) => (inode === 8 ? signed : {}) });
  const [, job] = see(exec(7, 1, "/bin/bash"), exec(8, 7, "/bin/sh", { script: stamp(50), called: "./job.sh" }));
  expect(job).toMatchObject({
    id: "t-2",
    kind: "exec",
    at: 5000,
    script: "/srv/job.sh",
    actor: {
      pid: 8,
      startedAt: "8000000000",
      user: "kim",
      loginUser: "kim",
      executable: "/bin/sh",
      sha256: signed.sha256,
      worth: signed.worth,
      parent: { pid: 7, executable: "/bin/bash" },
    },
  });
});

test("a start that is judged after it was told is told once more with what is new, and what it started later knows", () => {
  const known = new Map<number, KnownFile>();
  let now = 0;
  const { see } = scene({ clock: () => now, file: ({ inode }) => known.get(inode) ?? {} });
  const start = exec(8, 7, "/bin/sh", { script: stamp(50), called: "./job.sh" });
  const [first] = see(start);
  expect(first).toMatchObject({ id: "t-1", kind: "exec", actor: { executable: "/bin/sh" } });
  expect(first?.actor).not.toHaveProperty("sha256");
  expect(see()).toEqual([]);
  known.set(8, signed);
  now = 59_000;
  expect(see()).toMatchObject([
    { id: "t-2", kind: "judged", start: "t-1", at: 5000, adds: ["program"], actor: { pid: 8, worth: signed.worth } },
  ]);
  const [child] = see(exec(9, 8, "/bin/true"));
  expect(child).toMatchObject({ actor: { parent: { pid: 8, worth: signed.worth } } });
  known.set(50, signed);
  expect(see()).toMatchObject([{ kind: "judged", start: "t-1", adds: ["script"], scriptSha256: signed.sha256 }]);
  expect(see()).toEqual([]);
});

test("what is judged in the moment in which a start waits comes with it; what nobody judges in a minute stays as it is", () => {
  const known = new Map<number, KnownFile>();
  let now = 0;
  const { telemetry, see } = scene({ clock: () => now, file: ({ inode }) => known.get(inode) ?? {} });
  telemetry.take(batch([exec(8, 7, "/bin/sh")]));
  known.set(8, signed);
  expect(see()).toMatchObject([{ kind: "exec", actor: { sha256: signed.sha256 } }]);
  expect(see(exec(9, 7, "/opt/large"))).toHaveLength(1);
  now = 61_000;
  expect(see()).toEqual([]);
  known.set(9, signed);
  expect(see()).toEqual([]);
});

test("a script that the sensor could not tell apart is named, and the interpreter's writer is not taken for its own", () => {
  const writtenBy = { pid: 3, startedAt: "1", executable: "/usr/bin/dpkg", at: 5000 as Instant };
  const { see } = scene({ file: () => ({ ...signed, writtenBy }) });
  const [job] = see(exec(8, 7, "/bin/sh", { flags: 1 << 11, called: "./job.sh" }));
  expect(job).toMatchObject({ script: "/srv/job.sh", actor: { sha256: signed.sha256 } });
  expect(job).not.toHaveProperty("writtenBy");
  expect(see(exec(9, 7, "/bin/sh"))).toMatchObject([{ writtenBy }]);
});

test("a parent that is judged after its child started is known as such to the child, and a chain stays bounded", () => {
  let isJudged = false;
  const { see, telemetry, told } = scene({ file: ({ inode }) => (inode === 7 && isJudged ? signed : {}) });
  telemetry.take(batch([exec(6, 1, "/bin/login"), exec(7, 6, "/bin/bash"), exec(8, 7, "/bin/sh")]));
  isJudged = true;
  telemetry.flush();
  expect(told.at(-1)).toMatchObject({ actor: { pid: 8, parent: { pid: 7, worth: signed.worth, parent: { pid: 6 } } } });
  const chain = Array.from({ length: 40 }, (_, at) => exec(100 + at, 99 + at, "/bin/sh"));
  const last = see(...chain).at(-1);
  let length = 0;
  for (let at = last?.kind === "exec" ? last.actor.parent : undefined; at !== undefined; at = at.parent) length += 1;
  expect(length).toBe(12);
});

test("the end of a process whose program is not known, as of the kernel's own threads, is not told", () => {
  const { see } = scene();
  const ended = { ...seen, kind: "exit" as const, waitStatus: 0, ranFor: 1 };
  expect(see({ ...ended, who: who(30, 2) })).toEqual([]);
  expect(see(exec(31, 1, "/bin/true"), { ...ended, who: who(31, 1) })).toMatchObject([
    { kind: "exec" },
    { kind: "exit" },
  ]);
});

test("who reads a credential is told, who reads anything else is not, nor is a pass of the agent's own", () => {
  const { see } = scene();
  const key = "/home/kim/.aws/credentials";
  expect(see(file(key, { opened: true }))).toMatchObject([
    { kind: "file", change: "opened", path: key, actor: { pid: 7 } },
  ]);
  expect(see(file("/home/kim/.bash_history", { opened: true }))).toEqual([]);
  expect(see(file(key, { opened: true }, who(8, own)))).toEqual([]);
});

test("what a process did with files is known as its own when that is told after its end", () => {
  const { see } = scene();
  const key = "/home/kim/.aws/credentials";
  const told = see(
    exec(7, 1, "/bin/cat"),
    { ...seen, kind: "exit", who: who(7, 1), waitStatus: 0, ranFor: 1 },
    file(key, { opened: true }),
    file(key, { opened: true }, { ...who(7, 1), started: 99e9 }),
  );
  expect(told.slice(2).map(({ actor }) => actor.executable)).toEqual(["/bin/cat", ""]);
});

test.each([
  ["a unit is written", "/etc/systemd/system/x.service", { written: true }, { change: "written" }],
  ["the same in another root", "/srv/root/etc/systemd/system/x.service", { written: true }, { root: "/srv/root" }],
  ["a hook of git is renamed into place", "/w/.git/hooks/pre-commit", { renamed: true }, { change: "renamed" }],
  ["a package's file is replaced", "/usr/bin/grep", { written: true }, { package: "pkg:deb/debian/grep@3" }],
])("it is told where %s", (_name, path, what, told) => {
  expect(scene().see(file(path, what))).toMatchObject([{ kind: "file", path, ...told }]);
});

test("what is written elsewhere stays on the device, until many files of one folder change", () => {
  const { see } = scene();
  const change = (from: number, to: number) =>
    see(...Array.from({ length: to - from }, (_, n) => file(`/home/kim/docs/${from + n}`, { written: true })));
  expect(change(0, 9)).toEqual([]);
  expect(change(9, 20)).toMatchObject([{ count: 10 }, { count: 15 }, { count: 20 }]);
  expect(see(file("/etc/systemd/system/x.service.d", { created: true, isFolder: true }))).toEqual([]);
});

test("what lies in folders for passing things is not counted; what is moved there from elsewhere is", () => {
  const { see } = scene();
  const twenty = (change: (n: number) => Parameters<typeof file>) =>
    see(...Array.from({ length: 20 }, (_, n) => file(...change(n))));
  expect(twenty((n) => [`/tmp/build/${n}`, { deleted: true }])).toEqual([]);
  expect(twenty((n) => [`/srv/root/var/tmp/${n}`, { written: true }])).toEqual([]);
  expect(twenty((n) => [`/tmp/${n}`, { renamed: true, from: `/home/kim/docs/${n}` }])).toMatchObject([
    { count: 10 },
    { count: 15 },
    { count: 20 },
  ]);
});

test("many short processes of one script count together, in whatever folders; what is typed one by one does not", () => {
  const overwrites = (from: number, to: number, parent: number) =>
    Array.from({ length: to - from }, (_, n) => [
      exec(100 + from + n, parent, "/usr/bin/openssl"),
      file(`/home/kim/${from + n}/letter`, { written: true }, who(100 + from + n, parent)),
    ]).flat();
  const counts = (told: readonly Observed[]) =>
    told.flatMap((event) => (event.kind === "file" ? [[event.count, event.spread]] : []));
  const terminal = exec(6, 1, "/bin/bash");
  expect(counts(scene().see(terminal, ...overwrites(0, 20, 6)))).toEqual([]);
  const script = exec(7, 6, "/bin/bash", { arguments: ["bash", "lock.sh"] });
  expect(counts(scene().see(terminal, script, ...overwrites(0, 20, 7)))).toEqual([[20, true]]);
});

test("a file that was made is new, though it was written in the same moment or later; its end is no loss", () => {
  const { see } = scene();
  const many = (what: Partial<FileEvent>) => Array.from({ length: 30 }, (_, n) => file(`/w/out/${n}`, what));
  expect(
    see(...many({ created: true, written: true }), ...many({ written: true }), ...many({ deleted: true })),
  ).toEqual([]);
  expect(see(file("/etc/systemd/system/x.service", { created: true, written: true }))).toMatchObject([
    { change: "created" },
  ]);
});

test("who fills or removes what it made itself loses nobody anything; another that does so may", () => {
  const { see } = scene();
  const all = (what: object, by = who(7, 1)) => see(...Array.from({ length: 12 }, (_, n) => fileOf(n, what, by)));
  const fileOf = (n: number, what: object, by: ReturnType<typeof who>) => ({
    ...file(`/home/kim/new/${n}`, what, by),
    file: stamp(1000 + n),
  });
  expect(all({ created: true, written: true })).toEqual([]);
  expect(all({ written: true })).toEqual([]);
  expect(all({ written: true }, who(8, 1))).toMatchObject([{ count: 10 }]);
});

test("what Python compiled and renamed into its cache is no loss; anything else that is renamed over may be", () => {
  const { see } = scene();
  const rename = (folder: string, name: (n: number) => string, from = (n: number) => `${name(n)}.14${n}`) =>
    see(
      ...Array.from({ length: 12 }, (_unused, n) => [
        file(`${folder}/${from(n)}`, { created: true, written: true }),
        file(`${folder}/${name(n)}`, { renamed: true, from: `${folder}/${from(n)}` }),
      ]).flat(),
    );
  const pyc = (n: number): string => `m${n}.cpython-311.pyc`;
  expect(rename("/usr/lib/python3/__pycache__", pyc)).toEqual([]);
  expect(rename("/home/kim/docs", pyc)).toMatchObject([{ count: 10, change: "renamed" }]);
  expect(rename("/home/kim/__pycache__", (n) => `m${n}.odt`)).toMatchObject([{ count: 15 }, { count: 20 }]);
  expect(rename("/x/__pycache__", pyc, (n) => `other${n}`)).toMatchObject([{ count: 30 }]);
});

test("every name under which a file changed is handed on, and one that was only read is not", () => {
  const { see, changed } = scene();
  see(file("/etc/apt/sources.list", { opened: true }), file("/etc/apt/sources.list", { written: true }));
  see(file("/var/lib/dpkg/status", { renamed: true, from: "/var/lib/dpkg/status-new" }));
  expect(changed).toEqual(["/etc/apt/sources.list", "/var/lib/dpkg/status", "/var/lib/dpkg/status-new"]);
});

test("a folder that is made is handed on, so that its readers can be told", () => {
  const { see, made } = scene();
  see(file("/home/kim/.aws", { created: true, isFolder: true }), file("/etc/shadow", { renamed: true }));
  see(file("/home/kim/.aws", { deleted: true, isFolder: true }));
  expect(made).toEqual(["/home/kim/.aws", "/etc/shadow"]);
});

test("a storm of what is verified hides nothing else, and every event that is not told is counted", () => {
  const { see, lost } = scene({ file: ({ inode }) => (inode === 666 ? {} : signed) });
  const storm = Array.from({ length: 6000 }, () => exec(8, 7, "/bin/true"));
  const told = see(...storm, exec(666, 7, "/tmp/dropped"));
  expect(told.at(-1)).toMatchObject({ actor: { executable: "/tmp/dropped" } });
  expect(told).toHaveLength(4001);
  expect(lost.reduce((sum, count) => sum + count, 0)).toBe(2000);
});

test("a path as long as its maker wants is cut, and the frame is taken all the same", () => {
  const { see } = scene();
  const long = "\\x01".repeat(4096);
  const told = see(exec(8, 7, "/bin/sh", { script: stamp(50), called: long, directory: `/${long.slice(1)}` }));
  expect(framesOf(told)).toMatchObject({ frames: [{ items: [{ kind: "exec" }] }], unfit: 0 });
});

test("a recorded log gives the events that were told when it was recorded, in whatever pieces it is read", async () => {
  const golden = join(import.meta.dirname, "../sensors/linux/golden");
  const names = ["exec", "fork", "connect", "listen", "module", "ptrace", "memfd", "file", "exit"];
  const log = Buffer.concat(["hello", ...names].map((name) => readFileSync(join(golden, `${name}.bin`))));
  const then = scene();
  const reader = new RecordReader();
  for (let at = 0; at < log.length; at += 7) {
    const { events } = reader.read(log.subarray(at, at + 7));
    if (events !== undefined) then.telemetry.take(events);
  }
  then.telemetry.flush();

  const folder = mkdtempSync(join(tmpdir(), "provost-replay-"));
  try {
    writeFileSync(join(folder, "log"), log);
    const now = scene();
    const ended = await new Promise<string>((resolve) => {
      sensors.replay(join(folder, "log"), {
        hello: () => ({
          mode: "record",
          libraries: true,
          scripts: "executed",
          syscalls: true,
          files: true,
          events: true,
          deadlineMs: 1,
          agentGoneMs: 1,
          denyMs: 1,
          when: outcomesFor(defaultGate, "record"),
        }),
        ready: () => undefined,
        asked: () => undefined,
        gate: () => undefined,
        events: (events) => now.telemetry.take(events),
        status: () => undefined,
        lost: () => undefined,
        tampered: () => undefined,
        gone: resolve,
      });
    });
    now.telemetry.flush();
    expect(ended).toBe("the log has ended");
    expect(new Set(now.told.map(({ kind }) => kind))).toEqual(
      new Set(["exec", "connection", "listen", "module", "reach", "memory", "exit"]),
    );
    expect(now.told).toEqual(then.told);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type Socket, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Sensor, endChild, sensorProgram, startSensor } from "../support/gate-sensor.ts";
import { type Scene, cannotTestSensor, makeScene } from "../support/sensor-scene.ts";
import { type SmallAgent, startSmallAgent } from "../support/small-agent.ts";

const cannot = cannotTestSensor();
if (cannot !== undefined) process.stderr.write(`skipped: bad input of the sensor: ${cannot}\n`);
const native = join(import.meta.dirname, "../../agent/sensors/linux/native");

describe.skipIf(cannot !== undefined)("bad input of the sensor", () => {
  let scene: Scene;
  let sensor: Sensor;
  let agent: SmallAgent | undefined;
  const open: Socket[] = [];

  beforeAll(async () => {
    scene = makeScene(join(tmpdir(), "provost-sensor"));
    sensor = await startSensor(scene, { tier: "C" });
    await until(() => existsSync(sensor.socket) && sensor.said().includes("ready"));
  });
  afterEach(async () => {
    for (const socket of open.splice(0)) socket.destroy();
    await agent?.end();
    agent = undefined;
  });
  afterAll(async () => {
    await endChild(sensor.child);
    scene.remove();
  });

  /** Connects, sends, and resolves with everything that came until the sensor closed the connection. */
  const sends = (bytes: Buffer): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const socket = connect(sensor.socket, () => bytes.length > 0 && socket.write(bytes));
      open.push(socket);
      const chunks: Buffer[] = [];
      socket.on("data", (chunk: Buffer) => chunks.push(chunk));
      socket.on("error", () => undefined);
      socket.on("close", () => resolve(Buffer.concat(chunks)));
      setTimeout(() => reject(new Error("the sensor did not close the connection")), 15_000).unref();
    });

  test.each([
    ["text of another protocol", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "a record says"],
    ["a size of nothing", header(0, 69, 8), "fewer than its header"],
    ["a size of four thousand million", header(0xffff_ffff, 69, 8), "at most 65536 are allowed"],
    ["more fields than record", header(16, 69, 200), "fields"],
    [
      "a text beyond its record",
      Buffer.concat([header(16, 67, 16), Buffer.from([1, 0, 0, 0, 255, 0, 0, 0])]),
      "ends within its text",
    ],
    ["a configuration without its mode", header(8, 64, 8), "PV_CONFIG has 8 bytes of fields"],
  ])("%s is refused with its reason, and the next agent is taken", async (_, bytes, reason) => {
    const answer = await sends(bytes);
    expect(answer.toString("latin1")).toContain(reason);
    agent = await startSmallAgent(sensor.socket, ["--mode", "off"]);
    expect((await agent.hears("hello"))["version"]).toBe(1);
  });

  test("records in single bytes, and half a record at the end, are waited for", async () => {
    const socket = connect(sensor.socket);
    open.push(socket);
    const types: number[] = [];
    socket.on("data", (chunk: Buffer) => types.push(chunk.readUInt16LE(4)));
    await new Promise((resolve) => socket.once("connect", resolve));
    const config = Buffer.alloc(48);
    header(48, 64, 48).copy(config);
    for (const byte of config) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await until(() => types.includes(2));
    socket.write(Buffer.from([16, 0, 0]));
    socket.end();
    await new Promise((resolve) => socket.once("close", resolve));
    agent = await startSmallAgent(sensor.socket, ["--mode", "off"]);
    expect(agent.told[0]?.type).toBe("hello");
  });

  test("a second agent is refused, and the first is told of it", async () => {
    agent = await startSmallAgent(sensor.socket, ["--mode", "off"]);
    const answer = await sends(Buffer.alloc(0));
    expect(answer.toString("latin1")).toContain("an agent is connected already");
    expect(await agent.hears("tamper", { what: 7 })).toMatchObject({ refused: 1, who: { pid: process.pid } });
  });

  test("who is neither root nor the owner is refused, also where the socket's mode would let it in", async () => {
    expect(statSync(sensor.socket).mode & 0o777).toBe(0o600);
    chmodSync(sensor.socket, 0o666);
    for (const path of [scene.scratch, join(scene.scratch, "..")]) chmodSync(path, 0o755);
    const script = `const s = require("node:net").connect(process.argv[1]); s.on("data", (d) => process.stdout.write(d)); s.on("error", (e) => console.log(e.code));`;
    const node = join(scene.scratch, "node");
    copyFileSync(process.execPath, node);
    const { stdout } = spawnSync(node, ["-e", script, sensor.socket], {
      uid: 65_534,
      gid: 65_534,
      encoding: "utf8",
      cwd: "/",
    });
    expect(stdout).toContain("this socket is for root and for the agent's own user");
    rmSync(node);
    chmodSync(sensor.socket, 0o600);
  });

  test("an agent that never reads costs bounded memory, and is let go", async () => {
    const socket = connect(sensor.socket);
    open.push(socket);
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.pause();
    const config = Buffer.alloc(48);
    header(48, 64, 48).copy(config);
    config.writeUInt32LE(1, 8); // record
    config[47] = 1; // events
    config[46] = 1; // files
    socket.write(config);
    for (let round = 0; round < 10; round += 1)
      scene.run("i=0; while [ $i -lt 300 ]; do busybox true; i=$((i+1)); done");
    expect(memory(sensor.pid)).toBeLessThan(20_480);
    socket.destroy();
    agent = await startSmallAgent(sensor.socket, ["--mode", "off"]);
  });

  test("the socket's file comes back when somebody takes it away, and the agent is told", async () => {
    agent = await startSmallAgent(sensor.socket, ["--mode", "off"]);
    rmSync(sensor.socket);
    expect(await agent.hears("tamper", { what: 4 })).toMatchObject({ path: sensor.socket });
    await agent.end();
    agent = await startSmallAgent(sensor.socket, ["--mode", "off"]);
  });

  test("a second sensor at the same socket does not start, and the first goes on", async () => {
    const second = spawnSync(
      sensorProgram() ?? "",
      ["--socket", sensor.socket, "--state", join(scene.scratch, "other"), "--tier", "P"],
      { encoding: "utf8", timeout: 10_000 },
    );
    expect(second.status).toBe(1);
    expect(second.stderr).toContain("another sensor listens at");
    agent = await startSmallAgent(sensor.socket, ["--mode", "off"]);
  });

  test("odd paths are told as they are, and never reach a terminal as they are", async () => {
    agent = await startSmallAgent(sensor.socket, ["--allow", scene.allow]);
    const odd = "\"$(printf '/odd\\n\\033[2J\\377')\"";
    writeFileSync(join(scene.path, "odd.sh"), `cp /bad ${odd}; ${odd}; rm ${odd}\n`);
    const shown = onTerminal(". /odd.sh");
    expect(shown).not.toContain("bad ran");
    // The shell itself writes the name as it is; the sensor's two lines come before, without a control character.
    const notice = /Stopped: .*?\r\n {2}[^\r\n]*\r\n/s.exec(shown)?.[0] ?? "";
    expect(notice).toContain("Stopped: ");
    expect(notice.replaceAll("\r\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    expect(String((await agent.hears("ask", { access: "exec" }))["path"]).length).toBeGreaterThan(0);
    expect(agent.told.some(({ path }) => String(path).endsWith("/odd\n\u001b[2J\u00ff"))).toBe(true);
  });

  test("a path of four thousand bytes is judged, and said to be cut where it is", async () => {
    agent = await startSmallAgent(sensor.socket, ["--allow", scene.allow]);
    const deep = `d=$(printf 'n%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20)`;
    const shown = scene.run(
      `${deep}; d=$d$d$d$d$d$d$d$d$d$d; cd /; i=0; while [ $i -lt 17 ]; do mkdir $d; cd $d; i=$((i+1)); done; cp /good /bad .; ./good; ./bad; cd /; rm -r $d`,
    );
    expect(shown).toMatch(/^good ran\n[^\n]*not permitted\n$/);
    const asked = agent.told.filter(({ type, path }) => type === "ask" && String(path).length > 3500);
    expect(asked.length > 0 || (await agent.hears("ask", { access: "exec" }))).toBeTruthy();
  });

  test("the person is told on the terminal before the shell says it", async () => {
    agent = await startSmallAgent(sensor.socket, [
      "--allow",
      scene.allow,
      "--notice",
      "Stopped: ./bad has no proof.\n  Ask for it:  provost request 77d04e\n",
    ]);
    const shown = onTerminal("/bad");
    expect(shown.replaceAll("\r", "")).toMatch(
      /^Stopped: \.\/bad has no proof\.\n {2}Ask for it: {2}provost request 77d04e\n.*not permitted\n$/s,
    );
  });

  test("without the right to raise limits, and without memory for locking, it holds all the same", async () => {
    const socket = join(scene.scratch, "poor.sock");
    const poor = spawn(
      "setpriv",
      [
        "--bounding-set",
        "-sys_resource,-ipc_lock,-sys_nice",
        sensorProgram() ?? "",
        "--socket",
        socket,
        "--state",
        join(scene.scratch, "poor"),
        "--scope",
        scene.path,
        "--scope-cgroup",
        scene.cgroup,
        "--tier",
        "C",
      ],
      { stdio: "ignore" },
    );
    try {
      agent = await startSmallAgent(socket, ["--allow", scene.allow]);
      expect(scene.run("/good; /bad")).toMatch(/^good ran\n.*not permitted\n$/s);
    } finally {
      await agent?.end();
      agent = undefined;
      await endChild(poor);
    }
  });

  test("without BTF the tier is C, and it says why", async () => {
    // The other sensor of these tests holds nobody meanwhile.
    await (await startSmallAgent(sensor.socket, ["--mode", "off"])).end();
    const socket = join(scene.scratch, "plain.sock");
    const plain = spawn(
      sensorProgram() ?? "",
      [
        "--socket",
        socket,
        "--state",
        join(scene.scratch, "plain"),
        "--scope",
        scene.path,
        "--scope-cgroup",
        scene.cgroup,
        "--fault-no-btf",
        "--fault-no-bpffs",
      ],
      { stdio: "ignore" },
    );
    try {
      agent = await startSmallAgent(socket, ["--allow", scene.allow, "--mode", "record"]);
      const hello = await agent.hears("hello");
      expect(hello["tier"]).toBe(1);
      expect(hello["missing"]).toContain("/sys/kernel/btf/vmlinux");
      // Record mode holds nobody; without programs in the kernel what ran is told by fanotify, after it ran.
      expect(scene.run("/bad")).toBe("bad ran\n");
      const told = await agent.hears("ask", { access: "exec" });
      expect(Number(told["flags"]) & 512).toBe(512);
    } finally {
      await agent?.end();
      agent = undefined;
      await endChild(plain);
    }
  });

  const without = (capabilities: string): string[] => ["setpriv", "--bounding-set", capabilities];
  const hidden = (place: string): string[] => [
    "unshare",
    "-m",
    "sh",
    "-c",
    `mount -t tmpfs nothing ${place} && exec "$@"`,
    "sh",
  ];
  test.each([
    ["a security module for BPF", [], [], "B", /tier A is not to be had here.*^guard_exec: /ms],
    [
      "the kernel's types",
      hidden("/sys/kernel/btf"),
      [],
      "C",
      /^kernel checks: .*\/sys\/kernel\/btf\/vmlinux is missing.*CONFIG_DEBUG_INFO_BTF/m,
    ],
    [
      "a kernel that takes the check",
      [],
      ["--fault-refuse", "gate_exec"],
      "C",
      /^gate_exec: Operation not permitted; /m,
    ],
    ["CAP_SYS_ADMIN", without("-sys_admin"), [], "P", /^gate: fanotify permission events: Operation not permitted; /m],
    [
      "CAP_SYS_ADMIN, CAP_BPF and CAP_PERFMON",
      without("-sys_admin,-bpf,-perfmon"),
      [],
      "P",
      /^kernel checks: gate_file: Operation not permitted$.*^gate: fanotify/ms,
    ],
    ["tracefs", hidden("/sys/kernel/tracing"), [], "B", /tier A is not to be had here/],
    ["a bpffs", [], ["--pins", join(tmpdir(), "provost-no-bpffs")], "B", /bpffs/],
    ["CAP_SYS_RESOURCE", without("-sys_resource"), [], "B", /tier A is not to be had here/],
  ])("without %s the next tier is there, and it says which and why", async (_, before, options, tier, why) => {
    const scope = ["--scope", scene.path, "--scope-cgroup", scene.cgroup];
    const place = ["--socket", join(scene.scratch, "less.sock"), "--state", join(scene.scratch, "less")];
    const [program = "", ...words] = [...before, sensorProgram() ?? "", ...place, ...scope, ...options];
    const less = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    less.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    try {
      await until(() => /^provost-sensor: tier ./m.test(said));
      expect(/^provost-sensor: tier (.): /m.exec(said)?.[1]).toBe(tier);
      await expect.poll(() => said).toMatch(why);
    } finally {
      await endChild(less);
    }
  });

  /** What a person at a terminal sees. */
  const onTerminal = (line: string): string =>
    execFileSync(
      "script",
      [
        "-qec",
        `chroot ${scene.path} /bin/sh -c 'echo $$ > /scope/cgroup.procs; ${line.replaceAll("'", "'\\''")}' || true`,
        "/dev/null",
      ],
      { encoding: "latin1", stdio: ["ignore", "pipe", "inherit"], timeout: 20_000 },
    );
});

describe.skipIf(cannot !== undefined)("the sensor's parts that need no kernel", () => {
  test("hold under sanitizers, valgrind and fuzzing", { timeout: 600_000 }, () => {
    const done = spawnSync("make", ["-s", "-C", native, "check", "RUNS=20000"], {
      encoding: "utf8",
      maxBuffer: 1 << 24,
    });
    expect(`${done.stdout}${done.stderr}`.slice(-4000)).toMatch(/ok \d+ checks, 0 failed/);
    expect(done.status).toBe(0);
  });
});

function header(size: number, type: number, fixed: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(size, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(fixed, 6);
  return bytes;
}

/** Kilobytes of a process that are in memory. */
const memory = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? Number.NaN);

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("what was waited for did not come within ten seconds");
}

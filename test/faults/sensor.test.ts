/** The sensor and its agent die, stop, sleep and run out of disk while programs start. A stand-in answers for the agent. */
import { execFile, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Programs, Timed } from "../bench/gate-programs.ts";
import { compilePrograms } from "../bench/gate-programs.ts";
import type { CountingAgent, Settings } from "../support/counting-agent.ts";
import { modes, startCounting } from "../support/counting-agent.ts";
import type { GateRoot } from "../support/gate-root.ts";
import { cannotGate, copyProgram, makeGateRoot } from "../support/gate-root.ts";
import type { Sensor, SensorOptions, TierName } from "../support/gate-sensor.ts";
import { cannotAnswer, startSmallAgent } from "../support/small-agent.ts";
import { cannotSense, endChild, printed, startSensor } from "../support/gate-sensor.ts";

const cannot = cannotGate() ?? cannotSense() ?? cannotAnswer();
if (cannot !== undefined) process.stderr.write(`skipped: what becomes of the gate when its parts fail: ${cannot}\n`);

const known = "/bin/tiny";
const unknown = "/bin/unknown";
const dynamic = "/bin/true";

const filesBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

describe.skipIf(cannot !== undefined)("when parts of the gate fail", () => {
  let root: GateRoot;
  let programs: Programs;
  let pins: string;
  let verified: readonly string[];
  const started: { kill(): Promise<void> }[] = [];

  beforeAll(() => {
    root = makeGateRoot("/var/tmp", 100);
    programs = compilePrograms(join(root.scratch, "bin"));
    copyProgram(root, programs.tiny, known);
    copyProgram(root, programs.tiny, unknown);
    copyProgram(root, dynamic);
    appendFileSync(join(root.path, unknown), "other bytes");
    verified = filesBelow(root.path)
      .filter((path) => !path.endsWith(unknown))
      .map((path) => createHash("sha256").update(readFileSync(path)).digest("hex"));
    for (const program of [known, unknown]) chmodSync(join(root.path, program), 0o755);
    pins = join(root.scratch, "pins");
    mkdirSync(pins);
    execFileSync("mount", ["-t", "bpf", "bpf", pins]);
  });
  afterEach(async () => {
    for (let one = started.pop(); one !== undefined; one = started.pop()) await one.kill();
    // What was pinned for the next sensor would go on enforcing in the next test.
    execFileSync("umount", [pins]);
    execFileSync("mount", ["-t", "bpf", "bpf", pins]);
    rmSync(join(root.scratch, "sensor-state"), { recursive: true, force: true });
  });
  afterAll(() => {
    execFileSync("umount", [pins]);
    root.remove();
  });

  const sensorUp = async (options: SensorOptions): Promise<Sensor> => {
    const sensor = await startSensor(root, options);
    started.push({
      kill: () => {
        sensor.child.kill("SIGCONT");
        return endChild(sensor.child);
      },
    });
    return sensor;
  };

  /** Says yes to everything but the unknown program. */
  const agentUp = async (sensor: Sensor, settings: Settings = {}): Promise<CountingAgent> => {
    const agent = await startCounting(
      programs.counting,
      sensor,
      { mode: modes.block, gone: 1500, ...settings },
      verified,
    );
    started.push({
      kill: () => {
        agent.child.kill("SIGKILL");
        return endChild(agent.child);
      },
    });
    return agent;
  };

  /** Starts a program in the gate's root again and again; the time limit is far above any wait that is meant. */
  const start = async (program: string, often: readonly string[] = ["--count", "20"]): Promise<Timed> => {
    const place = ["--cgroup", root.cgroup, "--root", root.path];
    const { stdout } = await promisify(execFile)(programs.timer, [...place, ...often, program], { timeout: 60_000 });
    return JSON.parse(stdout) as Timed;
  };
  const ran = ({ count, refused, killed }: Timed): number => count - refused - killed;
  const all = { refused: 0, killed: 0 };

  /** Bytes that no sensor has met. */
  const fresh = (name: string): string => {
    copyFileSync(join(root.path, unknown), join(root.path, name));
    appendFileSync(join(root.path, name), name);
    return name;
  };

  describe.each(["B", "C"] as const)("tier %s", (tier: TierName) => {
    test("the agent is killed: what it allowed goes on starting, what is new does not", async () => {
      const sensor = await sensorUp({ tier });
      const agent = await agentUp(sensor);
      expect(await start(known)).toMatchObject(all);
      expect(ran(await start(unknown))).toBe(0);
      agent.child.kill("SIGKILL");
      expect(await start(known)).toMatchObject(all);
      expect(ran(await start(fresh(`/bin/new-${tier}`), ["--count", "3"]))).toBe(0);
    });

    test("the agent is stopped: nothing hangs, what it allowed goes on starting, what is new does not", async () => {
      const sensor = await sensorUp({ tier });
      const agent = await agentUp(sensor, { deadline: 300 });
      expect(await start(known)).toMatchObject(all);
      agent.child.kill("SIGSTOP");
      expect(ran(await start(fresh(`/bin/late-${tier}`), ["--count", "3"]))).toBe(0);
      expect(await start(known)).toMatchObject(all);
      await pause(2000);
      expect(ran(await start(fresh(`/bin/gone-${tier}`), ["--count", "3"]))).toBe(0);
      expect(await start(known)).toMatchObject(all);
      agent.child.kill("SIGCONT");
      await pause(1000);
      expect(await start(known)).toMatchObject(all);
    });

    test("the machine sleeps: after it, what was allowed starts and what was not does not", async () => {
      const sensor = await sensorUp({ tier });
      const agent = await agentUp(sensor);
      expect(await start(known)).toMatchObject(all);
      // To both this is what a suspend is: the clock since boot has gone on, they have not.
      for (const { child } of [sensor, agent]) child.kill("SIGSTOP");
      await pause(4000);
      for (const { child } of [sensor, agent]) child.kill("SIGCONT");
      expect(await start(known)).toMatchObject(all);
      expect(ran(await start(fresh(`/bin/slept-${tier}`), ["--count", "3"]))).toBe(0);
      await pause(1000);
      expect(await start(known)).toMatchObject(all);
    });

    test("the sensor is started anew: it remembers what was allowed before an agent has come", async () => {
      const first = await sensorUp({ tier });
      await agentUp(first);
      expect(await start(known)).toMatchObject(all);
      await endChild(first.child);
      await sensorUp({ tier });
      expect(await start(known)).toMatchObject(all);
      expect(ran(await start(fresh(`/bin/before-agent-${tier}`), ["--count", "3"]))).toBe(0);
    });

    test("the folder for its state is full: it says so, and gates on", async () => {
      const state = join(root.scratch, "sensor-state");
      mkdirSync(state);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=4k", "tmpfs", state]);
      try {
        writeFileSync(join(state, "filler"), "x".repeat(4096));
        const sensor = await sensorUp({ tier });
        await agentUp(sensor);
        expect(await start(known)).toMatchObject(all);
        expect(ran(await start(unknown))).toBe(0);
        await endChild(sensor.child);
        expect(sensor.said()).toMatch(/could not be kept in .*sensor-state.*No space left/);
      } finally {
        execFileSync("umount", [state]);
      }
    });

    test("the socket is removed: the agent that is connected goes on answering", async () => {
      const sensor = await sensorUp({ tier });
      await agentUp(sensor);
      rmSync(sensor.socket);
      expect(await start(known)).toMatchObject(all);
      expect(ran(await start(unknown))).toBe(0);
    });

    test("the sensor is stopped: who asks waits, and has the right answer when it goes on", async () => {
      const sensor = await sensorUp({ tier });
      await agentUp(sensor, { gone: 5000 });
      expect(await start(known)).toMatchObject(all);
      sensor.child.kill("SIGSTOP");
      const waiting = start(unknown, ["--count", "1"]);
      const early = await Promise.race([waiting.then(() => "answered"), pause(700, "waits")]);
      sensor.child.kill("SIGCONT");
      expect(early).toBe("waits");
      expect(ran(await waiting)).toBe(0);
      expect(await start(known)).toMatchObject(all);
    });
  });

  test("the gate is turned on in the middle of many execs: none of them is stopped because nobody asked about it", async () => {
    const meanwhile = start(dynamic, ["--seconds", "8"]);
    for (let turn = 0; turn < 6; turn += 1) {
      const sensor = await sensorUp({ tier: "B" });
      const agent = await agentUp(sensor, { libraries: 1 });
      await pause(200);
      agent.child.kill("SIGKILL");
      await endChild(sensor.child);
    }
    expect(await meanwhile).toMatchObject(all);
  });

  test("everything is forgotten again and again in the middle of many execs: what was allowed a moment ago is not stopped by the kernel", async () => {
    const sensor = await sensorUp({ tier: "B" });
    const agent = await startSmallAgent(sensor.socket, ["--answer", "allow", "--libraries"]);
    started.push({ kill: () => agent.end() });
    const meanwhile = start(dynamic, ["--seconds", "5"]);
    const until = Date.now() + 4500;
    let times = 0;
    for (; Date.now() < until; times += 1) {
      await agent.say("forget all");
      await pause(10);
    }
    expect(await meanwhile).toMatchObject(all);
    expect(times).toBeGreaterThan(20);
  });

  test("the sensor ends while a question waits: its own check does not judge what nobody answers any more", async () => {
    const sensor = await sensorUp({ tier: "B" });
    const agent = await agentUp(sensor, { deadline: 5000, gone: 5000 });
    expect(await start(known)).toMatchObject(all);
    agent.child.kill("SIGSTOP");
    const waiting = start(fresh("/bin/waits-at-the-end"), ["--count", "1"]);
    await pause(500);
    await endChild(sensor.child);
    expect(await waiting).toMatchObject({ killed: 0 });
  });

  test("the gate is turned on: what an older process had opened it may still map, what a newer one inherits it may not", async () => {
    const sensor = await sensorUp({ tier: "B" });
    const map = "mmap.mmap(f,0,flags=mmap.MAP_PRIVATE,prot=mmap.PROT_READ|mmap.PROT_EXEC)";
    const text = `import os,sys,mmap
open("${root.cgroup}/cgroup.procs","w").write(str(os.getpid()))
f=os.open("${join(root.path, unknown)}",os.O_RDONLY)
print("opened",flush=True)
sys.stdin.readline()
${map}
print("mapped",flush=True)
child=os.fork()
if child==0:
  ${map}
  os._exit(0)
print(os.WTERMSIG(os.waitpid(child,0)[1]),flush=True)
`;
    const older = spawn("python3", ["-c", text], { stdio: ["pipe", "pipe", "inherit"] });
    started.push({ kill: () => endChild(older) });
    await printed(older, older.stdout, /^opened$/m, "python3");
    await agentUp(sensor, { libraries: 1 });
    await pause(500);
    const said = printed(older, older.stdout, /^mapped\n(\d+)$/m, "python3");
    older.stdin.end("\n");
    expect((await said)[1]).toBe(String(constants.signals.SIGKILL));
  });

  describe("tier B with pins", () => {
    test("the sensor is killed: what is new is stopped by the kernel, what was allowed starts", async () => {
      const sensor = await sensorUp({ tier: "B", pins: join(pins, "gate") });
      await agentUp(sensor);
      expect(await start(known)).toMatchObject(all);
      sensor.child.kill("SIGKILL");
      await pause(200);
      expect(await start(unknown)).toMatchObject({ refused: 0, killed: 20 });
      expect(await start(known)).toMatchObject(all);
      await pause(3000);
      expect(ran(await start(unknown))).toBe(0);
      expect(await start(known)).toMatchObject(all);
    });

    test("the sensor is replaced again and again: an unknown program that starts all the while never runs", async () => {
      let sensor = await sensorUp({ tier: "B", pins: join(pins, "gate") });
      await agentUp(sensor);
      expect(await start(known)).toMatchObject(all);
      const trying = start(unknown, ["--seconds", "10"]);
      for (const signal of ["SIGTERM", "SIGKILL", "SIGTERM", "SIGKILL"] as const) {
        await pause(800);
        sensor.child.kill(signal);
        await endChild(sensor.child);
        sensor = await sensorUp({ tier: "B", pins: join(pins, "gate") });
        await agentUp(sensor);
      }
      const tried = await trying;
      expect(tried.count).toBeGreaterThan(100);
      // While nobody was there to ask, the kernel's check stopped it.
      expect(tried.killed).toBeGreaterThan(0);
      expect(ran(tried)).toBe(0);
      expect(await start(known)).toMatchObject(all);
    });
  });

  test("tier C has nothing that outlives the sensor: killed, it leaves the gate open", async () => {
    const sensor = await sensorUp({ tier: "C" });
    await agentUp(sensor);
    expect(ran(await start(unknown))).toBe(0);
    sensor.child.kill("SIGKILL");
    await endChild(sensor.child);
    expect(await start(unknown)).toMatchObject(all);
  });
});

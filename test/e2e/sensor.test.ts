import { spawn } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Sensor, type TierName, endChild, startSensor } from "../support/gate-sensor.ts";
import { type Scene, cannotTestSensor, makeScene } from "../support/sensor-scene.ts";
import { type SmallAgent, startSmallAgent } from "../support/small-agent.ts";

const cannot = cannotTestSensor();
if (cannot !== undefined) process.stderr.write(`skipped: the sensor on this machine: ${cannot}\n`);

/** Joins the scope, takes a mount namespace, waits for a word, and only then leaves the machine's root for its own, as runtimes do. */
const takesItsOwnRoot = `import ctypes, os, platform, sys
c = ctypes.CDLL(None, use_errno=True)
def call(name, *words):
    if getattr(c, name)(*words) != 0:
        raise OSError(ctypes.get_errno(), name)
group, root, inside = sys.argv[1:]
open(group + "/cgroup.procs", "w").write(str(os.getpid()))
call("unshare", 0x20000)
call("mount", None, b"/", None, 0x44000, None)
call("mount", root.encode(), root.encode(), None, 0x5000, None)
print("there", flush=True)
sys.stdin.readline()
os.chdir(root)
call("syscall", 41 if platform.machine() == "aarch64" else 155, b".", b".")
call("umount2", b".", 2)
os.dup2(1, 2)
os.execv("/bin/sh", ["sh", "-c", inside])
`;

describe.skipIf(cannot !== undefined).each<TierName>(["C", "B"])("the sensor, tier %s", (tier) => {
  let scene: Scene;
  let sensor: Sensor | undefined;
  let agent: SmallAgent | undefined;

  beforeAll(() => {
    scene = makeScene(join(tmpdir(), "provost-sensor"));
  });
  afterEach(async () => {
    await agent?.end();
    agent = undefined;
    if (sensor !== undefined) await endChild(sensor.child);
    sensor = undefined;
    rmSync(join(scene.scratch, "sensor-state"), { recursive: true, force: true });
  });
  afterAll(() => scene.remove());

  const start = async (...options: string[]): Promise<SmallAgent> => {
    sensor ??= await startSensor(scene, { tier });
    agent = await startSmallAgent(sensor.socket, ["--allow", scene.allow, ...options]);
    return agent;
  };

  test("what is verified runs, what is not is refused, and the second time nobody is asked", async () => {
    const is = await start();
    expect(scene.run("/good; /good")).toBe("good ran\ngood ran\n");
    expect(scene.run("/bad; /bad")).toBe("/bin/sh: /bad: Operation not permitted\n".repeat(2));
    expect(scene.run("/good.sh")).toBe("good script ran\n");
    expect(scene.run("/bad.sh")).toContain("Operation not permitted");
    await is.hears("gate", { cause: "remembered", allowed: false, access: "exec" });
    expect(is.told.filter(({ type, path }) => type === "ask" && String(path).endsWith("/good"))).toHaveLength(1);
    expect(is.told.filter(({ type, path }) => type === "ask" && String(path).endsWith("/bad"))).toHaveLength(1);
  });

  test("who is outside of the scope is never refused", async () => {
    await start();
    expect(scene.runFree("/bad")).toBe("bad ran\n");
  });

  test("a changed file is asked about again, also under its old name and change by change", async () => {
    const is = await start();
    expect(scene.run("cp /good /copy; /copy")).toBe("good ran\n");
    expect(scene.run("cat /bad > /copy; /copy")).toContain("Operation not permitted");
    expect(scene.run("cat /good > /copy; /copy; mv /bad /moved; mv /good /bad; mv /moved /good; /good")).toMatch(
      /^good ran\n.*not permitted\n$/s,
    );
    expect(scene.run("/bad; mv /good /moved; mv /bad /good; mv /moved /bad; rm /copy")).toBe("good ran\n");
    expect(is.told.some(({ type, cause }) => type === "gate" && cause === "unseen")).toBe(false);
  });

  test("libraries are asked about where the policy says so", async () => {
    await start("--libraries");
    expect(scene.run("load /good.so")).toBe("good library ran\nloaded\n");
    expect(scene.run("load /bad.so")).not.toContain("bad library ran");
    expect(scene.run("LD_PRELOAD=/bad.so load /good.so")).not.toContain("bad library ran");
  });

  test("a script that an interpreter opens is judged as itself where scripts are strict", async () => {
    const is = await start("--scripts", "--interpreter", join(scene.path, "usr/bin/busybox"));
    expect(scene.run("sh /good.sh; sh < /good.sh")).toBe("good script ran\n".repeat(2));
    expect(scene.run("sh /bad.sh; sh < /bad.sh; cat /bad.sh | sh; . /bad.sh")).not.toContain("bad script ran");
    await is.hears("ask", { access: "input" });
  });

  test("AT_EXECVE_CHECK gets the same answer as an exec", async () => {
    await start();
    const answers = scene.run("check-only /good; check-only /bad; check-only /good.sh; check-only /bad.sh");
    expect(answers).toMatch(/^(?:allowed\nrefused\nallowed\nrefused\n|(?:unknown\n){4})$/);
  });

  test("file systems that are mounted later, in another namespace, are under the gate", async () => {
    await start();
    scene.run("mkdir -p /later");
    const inside = "mount -t tmpfs none /later; cp /bad /good /later; sleep 2; /later/good; /later/bad";
    expect(scene.run(`unshare -m sh -c '${inside}'`)).toBe("good ran\nsh: /later/bad: Operation not permitted\n");
    const overlay =
      "mount -t tmpfs none /later; cd /later; mkdir up work low all; cp /bad /good low; mount -t overlay -o lowerdir=low,upperdir=up,workdir=work none all; sleep 2; all/good; all/bad; cat all/bad > all/good; all/good";
    expect(scene.run(`unshare -m sh -c '${overlay}'`)).toMatch(
      /^good ran\n[^\n]*not permitted\n[^\n]*not permitted\n$/,
    );
  });

  test("a namespace that was seen before it took its own root is looked at from there, as a container's is", async () => {
    const is = await start();
    const inside = "mount -t tmpfs x /tmp; cp /good /bad /tmp; sleep 2; /tmp/good; /tmp/bad";
    const container = spawn("python3", ["-c", takesItsOwnRoot, scene.cgroup, scene.path, inside], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    let said = "";
    container.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await until(() => said === "there\n");
    await is.say("mode block"); // looks at every namespace
    container.stdin.end("\n");
    await new Promise((resolve) => container.once("close", resolve));
    expect(said).toMatch(/^there\ngood ran\n.*not permitted\n$/s);
  });

  const patient = ["--answer", "never", "--deadline", "6000"];
  test.each([
    ["late", ["--answer", "never", "--deadline", "200"], "/core; /bad"],
    // As many as can wait, and some more.
    [
      "overloaded",
      patient,
      "i=0; while [ $i -lt 1100 ]; do /bad 2> /dev/null & i=$((i+1)); done; sleep 1; /core; /bad",
    ],
    ["agent-gone", [], "/core; /bad"],
    ["restarted", [], "/core; /bad"],
  ] as const)(
    "what belongs to the core starts for the first time though all is closed: %s",
    async (cause, how, line) => {
      writeFileSync(
        join(scene.path, "core"),
        Buffer.concat([readFileSync(join(scene.path, "good")), Buffer.from(cause)]),
        {
          mode: 0o755,
        },
      );
      const outcomes = ["late", "overloaded", "unreadable", "agent-gone", "restarted", "unseen"];
      const closed = outcomes.flatMap((name) => ["--outcome", `${name}=closed`]);
      const core = ["core", "usr/bin/busybox"].flatMap((path) => ["--core", join(scene.path, path)]);
      const first = await start(...how, ...closed, ...core);
      await new Promise((resolve) => setTimeout(resolve, 500));
      if (cause === "agent-gone" || cause === "restarted") await first.end();
      if (cause === "restarted" && sensor !== undefined) {
        await endChild(sensor.child);
        sensor = await startSensor(scene, { tier });
      }
      expect(scene.run(line)).toMatch(/^good ran\n.*not permitted\n$/s);
      const told = first.told.length > 0 && how.length > 0 ? first : await start();
      await told.hears("gate", { cause, allowed: false });
      rmSync(join(scene.path, "core"));
    },
  );

  test("without an agent what ran before runs, what is new does not, and a new agent is asked again", async () => {
    const first = await start();
    expect(scene.run("/good")).toBe("good ran\n");
    await first.end();
    expect(scene.run("/good; cp /good /again; /again")).toBe("good ran\ngood ran\n");
    expect(scene.run("cp /good.sh /new.sh; echo '# new' >> /new.sh; /new.sh")).toContain("Operation not permitted");
    const second = await start();
    await second.hears("gate", { cause: "agent-gone", allowed: false });
    expect(scene.run("/new.sh; /bad; /good; rm /again /new.sh")).toMatch(
      /^good ran\n.*not permitted.*not permitted\n$/s,
    );
  });

  test("a sensor that starts again knows what ran before, and does not believe a damaged memory", async () => {
    await start();
    expect(scene.run("/good")).toBe("good ran\n");
    await agent?.end();
    if (sensor !== undefined) await endChild(sensor.child);
    sensor = await startSensor(scene, { tier });
    await until(() => sensor?.said().includes("ready") === true);
    expect(scene.run("/good")).toBe("good ran\n");
    expect(scene.run("cp /good.sh /new.sh; echo '# new' >> /new.sh; /new.sh")).toContain("Operation not permitted");
    const again = await start();
    expect(await again.hears("hello")).toMatchObject({ type: "hello" });
    expect(Number((await again.hears("hello"))["remembered"])).toBeGreaterThan(0);
    await again.hears("gate", { cause: "restarted", allowed: false });
    await again.end();
    await endChild(sensor.child);
    const kept = join(scene.scratch, "sensor-state/answers");
    const bytes = readFileSync(kept);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(kept, bytes);
    sensor = await startSensor(scene, { tier });
    await until(() => sensor?.said().includes("ready") === true);
    expect(sensor.said()).toContain("is thrown away: its checksum does not match");
    expect(existsSync(kept)).toBe(false);
    scene.runFree("rm /new.sh");
  });

  test("an agent that is late, stopped or killed lets nobody hang", async () => {
    const late = await start(
      "--answer",
      "never",
      "--deadline",
      "200",
      "--outcome",
      "late=closed",
      "--ran",
      join(scene.path, "usr/bin/busybox"),
    );
    expect(scene.run("/good")).toContain("Operation not permitted");
    await late.hears("gate", { cause: "late", allowed: false });
    await late.end();
    const open = await start(
      "--answer",
      "never",
      "--deadline",
      "200",
      "--outcome",
      "late=open",
      "--ran",
      join(scene.path, "good"),
    );
    expect(scene.run("/good; /bad")).toBe("good ran\nbad ran\n");
    await open.hears("gate", { cause: "late", allowed: true });
    process.kill(open.pid, "SIGSTOP");
    expect(scene.run("/good")).toBe("good ran\n");
    process.kill(open.pid, "SIGKILL");
    expect(scene.run("/good")).toBe("good ran\n");
  });

  test("what takes long to read is not late for that", async () => {
    const large = join(scene.path, "large");
    copyFileSync(join(scene.path, "good"), large);
    truncateSync(large, 400 * 1024 * 1024);
    const core = ["--core", join(scene.path, "usr/bin/busybox")];
    const is = await start("--answer", "allow", "--deadline", "40", "--outcome", "late=closed", ...core);
    expect(scene.run("/large")).toBe("good ran\n");
    expect(is.told.some(({ type, cause }) => type === "gate" && cause === "late")).toBe(false);
    rmSync(large);
  });

  test("a verdict that comes late counts the next time", async () => {
    const is = await start(
      "--late",
      "600",
      "--deadline",
      "200",
      "--outcome",
      "late=closed",
      "--core",
      join(scene.path, "usr/bin/busybox"),
    );
    expect(scene.run("/good")).toContain("Operation not permitted");
    await until(() => is.told.filter(({ type }) => type === "ask").length > 0);
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect(scene.run("/good")).toBe("good ran\n");
  });

  test("a forgotten answer is asked for again; a digest that is denied from now on is stopped", async () => {
    const is = await start();
    expect(scene.run("/good")).toBe("good ran\n");
    const before = is.told.length;
    await is.say("forget all");
    expect(scene.run("/good")).toBe("good ran\n");
    const { sha256 } = await is.hears("ask", {}, before);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    const good = is.told.find(({ type, path }) => type === "ask" && String(path).endsWith("/good"));
    await is.say(`digest ${String(good?.["sha256"])} deny`);
    expect(scene.run("/good")).toContain("Operation not permitted");
    await is.say(`digest ${String(good?.["sha256"])} allow`);
    expect(scene.run("/good")).toBe("good ran\n");
  });

  test("off and record hold nobody; marks go and come with the mode", async () => {
    const is = await start("--mode", "record");
    expect(scene.run("/bad")).toBe("bad ran\n");
    await is.say("mode block");
    expect(scene.run("/bad")).toContain("Operation not permitted");
    await is.say("mode off");
    expect(scene.run("/bad")).toBe("bad ran\n");
    const status = await is.hears("status", { mode: 0 });
    expect(status["marked"]).toBe(0);
  });

  test("its end leaves nobody hanging, and nothing behind", async () => {
    await start("--answer", "never", "--deadline", "60000");
    const waits = scene.run("(/good; echo $? > /ended) < /dev/null > /dev/null 2>&1 &");
    expect(waits).toBe("");
    await agent?.hears("ask");
    expect(existsSync(join(scene.path, "ended"))).toBe(false);
    if (sensor !== undefined) await endChild(sensor.child);
    await until(() => existsSync(join(scene.path, "ended")));
    expect(sensor?.child.exitCode).toBe(0);
    expect(existsSync(sensor?.socket ?? "")).toBe(false);
    rmSync(join(scene.path, "ended"));
  });
});

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("what was waited for did not come within ten seconds");
}

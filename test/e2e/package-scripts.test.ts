/**
 * dpkg itself, in a loop root under a gate in mode *block*. It kept packages' scripts there before the agent's first pass: they run when
 * their packages are upgraded and removed, and what somebody else changed or put there afterwards does not.
 */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStateIfAny } from "../../agent/state/state.ts";
import type { DecisionsFrame, GateDecision } from "../../shared/protocol/gate-frames.ts";
import type { GatedAgent } from "../support/gated-agent.ts";
import { installPrograms, runInside, startGatedAgent } from "../support/gated-agent.ts";
import type { GateRoot } from "../support/gate-root.ts";
import { cannotGate, makeGateRoot } from "../support/gate-root.ts";
import type { Sensor } from "../support/gate-sensor.ts";
import { cannotSense, endChild, startSensor } from "../support/gate-sensor.ts";

const why = cannotGate() ?? cannotSense() ?? (fs.existsSync("/usr/bin/dpkg-deb") ? undefined : "dpkg is missing");
if (why !== undefined) process.stderr.write(`package-scripts.test.ts is skipped: ${why}\n`);

/** dpkg and what it starts. */
const programs = ["dash", "rm", "tar", "dpkg", "dpkg-deb", "dpkg-split", "dpkg-query"].map(
  (name) => [`/usr/bin/${name}`, `/usr/bin/${name === "dash" ? "sh" : name}`] as const,
);
const names = ["upgraded", "removed", "edited", "replaced", "later", "unpacked"] as const;

describe.skipIf(why !== undefined).each(["B", "C"] as const)("packages older than the agent, tier %s", (tier) => {
  let root: GateRoot;
  let sensor: Sensor | undefined;
  let agent: GatedAgent | undefined;

  beforeAll(async () => {
    root = makeGateRoot(tmpdir(), 200);
    installPrograms(root, programs);
    for (const folder of ["var/lib/dpkg/updates", "var/lib/dpkg/triggers", "etc/dpkg/dpkg.cfg.d"])
      fs.mkdirSync(join(root.path, folder), { recursive: true });
    for (const name of names) {
      for (const version of ["1", "2"]) build(root, name, version);
      if (name === "later" || name === "unpacked") continue;
      execFileSync("/usr/sbin/chroot", [root.path, ...dpkgWith("-i", `/tmp/${name}_1.deb`)], {
        env: { PATH: path },
        stdio: "ignore",
      });
    }
    sensor = await startSensor(root, { tier });
    const policyFile = join(root.scratch, "policy.yaml");
    fs.writeFileSync(policyFile, policy);
    agent = startGatedAgent(root, sensor.socket, { policy: policyFile });
    await agent.heard(({ kind }) => kind === "scanned" || kind === "failed");
  });
  afterAll(async () => {
    await agent?.stop();
    if (sensor !== undefined) await endChild(sensor.child);
    root?.remove();
  });

  /** Its exit code, what its scripts said, and what the gate said. */
  const dpkg = async (...words: string[]): Promise<readonly [number | null, ...string[]]> => {
    const { code, terminal } = await runInside(root, `export PATH=${path}; ${dpkgWith(...words).join(" ")}`);
    return [code, ...terminal.split("\n").filter((line) => /^(?:script|Stopped:)/.test(line))];
  };
  /** The sensor holds what nothing vouches for. */
  const isStopping = async (): Promise<boolean> => {
    fs.writeFileSync(join(root.path, "tmp/unknown"), `#!/bin/sh\nexit ${Math.random()}\n`, { mode: 0o755 });
    return (await runInside(root, "/tmp/unknown")).terminal.includes("has no proof");
  };
  const info = (file: string): string => join(root.path, "var/lib/dpkg/info", file);

  test("are upgraded: their old scripts run, and the new ones", async () => {
    expect(await dpkg("-i", "/tmp/upgraded_2.deb")).toEqual([
      0,
      "script upgraded 1 prerm upgrade",
      "script upgraded 2 preinst upgrade",
      "script upgraded 1 postrm upgrade",
      "script upgraded 2 postinst configure",
    ]);
    expect(await decisionsAbout(agent?.folder ?? "", "/var/lib/dpkg/info/upgraded.prerm")).toMatchObject([
      { allowed: true, cause: "lineage", standing: "unproven", basis: "generated" },
    ]);
  });

  test("are removed and purged", async () => {
    expect(await dpkg("-r", "removed")).toEqual([0, "script removed 1 prerm remove", "script removed 1 postrm remove"]);
    expect(await dpkg("-P", "removed")).toEqual([0, "script removed 1 postrm purge"]);
    expect(fs.existsSync(info("removed.postrm"))).toBe(false);
  });

  test("so is one that came later, once the sensor does not know any more who wrote its scripts", async () => {
    expect(await dpkg("-i", "/tmp/later_1.deb")).toEqual([
      0,
      "script later 1 preinst install",
      "script later 1 postinst configure",
    ]);
    await waitFor(() => keptOf(agent?.folder ?? "", "later").length === 4);
    if (sensor !== undefined) await endChild(sensor.child);
    sensor = await startSensor(root, { tier });
    await waitFor(async () => (await dpkg("--version"))[0] === 0 && (await isStopping()));
    expect(await dpkg("-P", "later")).toEqual([
      0,
      "script later 1 prerm remove",
      "script later 1 postrm remove",
      "script later 1 postrm purge",
    ]);
  });

  test("a package that was unpacked is set up, though so much was written meanwhile that the sensor let go of who wrote it", async () => {
    expect(await dpkg("--unpack", "/tmp/unpacked_1.deb")).toEqual([0, "script unpacked 1 preinst install"]);
    await waitFor(() => keptOf(agent?.folder ?? "", "unpacked").length === 4);
    // More processes than it remembers (writers.h), each of which wrote a file.
    const many = "i=0; while [ $i -lt 4200 ]; do i=$((i + 1)); ( : >/tmp/written ); done";
    expect(await runInside(root, many)).toMatchObject({ code: 0 });
    expect(await dpkg("--configure", "unpacked")).toEqual([0, "script unpacked 1 postinst configure"]);
  });

  test("a script that somebody changed since is refused, and its package stays", async () => {
    fs.appendFileSync(info("edited.prerm"), "echo script of somebody else\n");
    const [code, first, ...more] = await dpkg("-r", "edited");
    expect(code).not.toBe(0);
    expect(first).toMatch(/^Stopped: \S+\/edited\.prerm has no proof/);
    // dpkg sets the package up again, with the script that is as it was.
    expect(more).toEqual(["script edited 1 postinst abort-remove"]);
  });

  test("so is one that somebody put in another's place, and one that came since", async () => {
    fs.copyFileSync(info("edited.prerm"), info("new.prerm"));
    fs.renameSync(info("new.prerm"), info("replaced.prerm"));
    expect((await dpkg("-r", "replaced"))[1]).toMatch(/^Stopped: \S+\/replaced\.prerm has no proof/);
    fs.writeFileSync(info("replaced.config"), "#!/bin/sh\necho script of nobody\n", { mode: 0o755 });
    const { terminal } = await runInside(root, "/var/lib/dpkg/info/replaced.config");
    expect(terminal).toMatch(/^Stopped: \S+\/replaced\.config has no proof/);
  });
});

const path = "/usr/bin:/bin";
/** As the built-in one, but that an answer which is late on a busy machine lets nothing run. */
const policy = `number: 1
mode: enforce
require:
  - name: something claims it
    standing: [proven, signed, unproven]
    basis: [reproduced, source, publisher, pinned, recorded, generated]
    otherwise: { unproven: block, unchecked: block }
gate:
  mode: block
  deadlineMs: 20000
  when: { late: closed, overloaded: closed }
`;
/** It looks for more programs in PATH than these packages need. */
const dpkgWith = (...words: readonly string[]): readonly string[] => ["/usr/bin/dpkg", "--force-bad-path", ...words];

/** A package of nothing but scripts, each of which says that it runs. */
function build(root: GateRoot, name: string, version: string): void {
  const folder = join(root.scratch, `${name}-${version}`);
  fs.mkdirSync(join(folder, "DEBIAN"), { recursive: true });
  const control = [
    `Package: ${name}`,
    `Version: ${version}`,
    "Architecture: all",
    "Maintainer: nobody",
    "Description: it",
  ];
  fs.writeFileSync(join(folder, "DEBIAN/control"), `${control.join("\n")}\n`);
  for (const script of ["preinst", "postinst", "prerm", "postrm"])
    fs.writeFileSync(join(folder, "DEBIAN", script), `#!/bin/sh\necho "script ${name} ${version} ${script} $1"\n`, {
      mode: 0o755,
    });
  const archive = join(root.path, `tmp/${name}_${version}.deb`);
  execFileSync("dpkg-deb", ["--root-owner-group", "-b", folder, archive], { stdio: "ignore" });
}

/** The scripts of one package that the agent keeps a digest of. */
function keptOf(folder: string, name: string): readonly string[] {
  const state = openStateIfAny(folder);
  const paths = state?.prepare<[], string>("SELECT path FROM maintainer_scripts").pluck().all() ?? [];
  state?.close();
  return paths.filter((one) => one.startsWith(`/var/lib/dpkg/info/${name}.`));
}

async function waitFor(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100 && !(await isSo()); tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 100));
}

/** What waits for the server of decisions about one file, once something does. */
async function decisionsAbout(folder: string, file: string): Promise<readonly GateDecision[]> {
  for (let tries = 0; ; tries += 1) {
    const state = openStateIfAny(folder);
    const bodies = state?.prepare<[], string>("SELECT body FROM spool WHERE kind = 'decisions'").pluck().all() ?? [];
    state?.close();
    const found = bodies
      .flatMap((body) => (JSON.parse(body) as DecisionsFrame).items)
      .filter((item) => item.path === file);
    if (found.length > 0 || tries === 200) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * Packages on machines that have nothing of ours: a server, a device added with the pasted line, upgrades, a version that does not
 * start, and out again without a trace. Each machine is a Debian root in namespaces of the test; services are started as their units
 * say, because there is no systemd in them.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cannotMakeRoot } from "../support/debian-root.ts";
import { buildPackages, fileOf, sensorMissing } from "../support/packages.ts";
import { openMachines, unitCommand } from "../support/machines.ts";
import type { Machine, Machines } from "../support/machines.ts";
import { until } from "../support/server-world.ts";

const why = cannotMakeRoot() ?? sensorMissing();
if (why !== undefined) process.stderr.write(`install.test.ts is skipped: ${why}\n`);

describe.skipIf(why !== undefined)("packages", () => {
  const scratch = mkdtempSync(join(tmpdir(), "provost-install-"));
  const [old, next] = ["0.1.0", "0.1.1"].map((version) => ({ version, out: join(scratch, version) })) as [Dist, Dist];
  let machines: Machines;
  let server: Machine;
  let device: Machine;
  let before: { readonly files: readonly string[]; readonly users: string };
  let web: Web;
  let owner: Record<string, string> = {};

  beforeAll(async () => {
    buildPackages(old.version, old.out, [
      "--only",
      "agent",
      "--only",
      "server",
      "--format",
      "deb",
      "--format",
      "tar",
      "--format",
      "rpm",
    ]);
    buildPackages(next.version, next.out, ["--only", "agent", "--format", "deb", "--format", "rpm"]);
    machines = await openMachines(join(scratch, "machines"));
    server = await machines.machine("server");
    device = await machines.machine("device");
    before = { files: device.files(), users: device.read("etc/passwd") };
  }, 600_000);
  afterAll(() => {
    machines?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  test("the server is installed, its settings are checked, and it runs as its unit says", async () => {
    put(server, old, /^provost-server_.*\.deb$/);
    mkdirSync(join(server.root, "packages"));
    for (const file of readdirSync(old.out).filter((name) => /^provost[_-]\d/.test(name)))
      cpSync(join(old.out, file), join(server.root, "packages", file));
    const installed = server.run("dpkg", ["-i", "/tmp/package.deb"]);
    expect([installed.status, installed.status === 0 ? "" : installed.stderr]).toEqual([0, ""]);
    expect(installed.stderr).toMatch(/there is no systemd here: start \/usr\/lib\/provost-server\/start/);
    server.write(
      "etc/provost/server.conf",
      "tls = own\nhost = ::\nnames = localhost\npackages = /packages\nregistries = off\ntrust-roots = off\n",
    );
    expect(server.run("provost-server", ["config", "check"]).status).toBe(0);
    const { words, env } = unitCommand(server.root, "provost-server.service");
    const running = server.start(words, env);
    await until(() => running.printed().includes("sign-in?token="), `the server: ${running.printed()}`, 60_000);
    expect(server.run("stat", ["-c", "%U %a", "/var/lib/provost-server"]).stdout).toBe("provost-server 700\n");
    web = openWeb(machines, server.run("provost-server", ["sign-in"]).stdout.trim(), scratch);
  }, 120_000);

  test("the line of Add device installs the package and enrols; the device is on screen", async () => {
    const { command } = web.post("/api/v1/enrolment-tokens") as { command: string };
    const started = Date.now();
    const pasted = device.run("sh", ["-c", command]);
    expect([pasted.status, pasted.status === 0 ? "" : pasted.stderr]).toEqual([0, ""]);
    expect(pasted.stderr).toMatch(/greeting +a Provost server, key .* which signed the certificate it shows/);
    expect(device.run("provost", ["config", "check"]).stdout).toMatch(
      /^server +wss:\/\/localhost:4680\/agent +\(\/etc\/provost\/agent\.conf:\d+\)/m,
    );
    startAgent(device);
    await until(() => devices().length === 1 && devices()[0], "the device in the console's list", 60_000);
    process.stderr.write(`      from the pasted line to the list: ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
    expect(device.run("stat", ["-c", "%U %a", "/var/lib/provost"]).stdout).toBe("provost 700\n");
    // The token works once and is gone.
    expect(device.run("ls", ["/var/lib/provost/token"]).status).not.toBe(0);
    expect(device.run("ps", ["-ef"]).stdout ?? "").not.toMatch(/pvt1\./);
    // What the agent starts besides itself, and what people read.
    expect(device.run("sh", ["-c", "cd /usr/lib/provost/app && ls look.js notify.js scan.js triage.js"]).status).toBe(
      0,
    );
    expect(device.run("sh", ["-c", "zcat /usr/share/man/man1/provost.1.gz"]).stdout).toMatch(/^\.TH PROVOST 1/);
    expect(
      device.run("bash", ["-c", ". /usr/share/bash-completion/completions/provost && complete -p provost"]).stdout,
    ).toMatch(/-F _provost provost/);
  }, 120_000);

  test("a used token, a token that is cut and a second enrolment are told apart", () => {
    const { token } = web.post("/api/v1/enrolment-tokens") as { token: string };
    const enrol = (given: string, more: readonly string[] = []) =>
      device.run("provost", ["enrol", "--server", "wss://localhost:4680/agent", "--token-file", "-", ...more], {
        input: `${given}\n`,
      });
    expect(enrol(token).stderr).toMatch(/this device is enrolled already, as dev_/);
    expect(enrol(token.slice(0, -4), ["--again"]).stderr).toMatch(
      /ENROL_REFUSED: the enrolment token is not one: it is cut/,
    );
    expect(enrol(token, ["--again", "--server", "wss://localhost:4681/agent"]).stderr).toMatch(
      /port 4681 cannot be reached: nothing listens there/,
    );
    expect(enrol(token, ["--again", "--server", "wss://nowhere.invalid/agent"]).stderr).toMatch(
      /the name nowhere\.invalid is not known here/,
    );
  });

  test("what was interrupted goes on, and what cannot be done is named before anything is written", async () => {
    // The server is asked by its IPv6 address as well.
    expect(device.run("provost", ["doctor", "--server", "wss://[::1]:4680/agent"]).stdout).toMatch(
      /greeting +a Provost server, key/,
    );
    const second = await machines.machine("second");
    put(second, old, /^provost_.*\.deb$/);
    // dpkg was ended between unpacking and configuring.
    expect(second.run("dpkg", ["--unpack", "/tmp/package.deb"]).status).toBe(0);
    expect(second.read("etc/passwd")).not.toMatch(/^provost:/m);
    // As useradd leaves it that was ended between its two files.
    expect(second.run("groupadd", ["--system", "provost"]).status).toBe(0);
    const configured = second.run("dpkg", ["--configure", "-a"]);
    expect([configured.status, configured.status === 0 ? "" : configured.stderr]).toEqual([0, ""]);
    expect(second.read("etc/passwd")).toMatch(/^provost:/m);
    expect(second.run("id", ["--group", "--name", "provost"]).stdout).toBe("provost\n");
    const { token } = web.post("/api/v1/enrolment-tokens") as { token: string };
    const enrol = () =>
      second.run("provost", ["enrol", "--server", "wss://localhost:4680/agent", "--token-file", "-"], {
        input: `${token}\n`,
      });
    second.mount("tmpfs", "var/lib/provost", "size=4k");
    second.write("var/lib/provost/full", "x".repeat(4096));
    const full = enrol();
    expect([full.status, full.stderr]).toEqual([
      expect.any(Number),
      expect.stringMatching(/token cannot be written \(ENOSPC[^)]*\)\n {2}is the disk full, or mounted read-only\?/),
    ]);
    expect(second.read("etc/provost/agent.conf")).not.toMatch(/^server/m);
    second.unmount("var/lib/provost");
    // It was not used up by that.
    expect(enrol().status).toBe(0);
    put(second, old, /^provost-\d.*\.tar\.gz$/, "tmp/agent.tar.gz");
    const readOnly = second.run("sh", [
      "-c",
      "tar -xzf /tmp/agent.tar.gz -C /tmp && mount --bind /usr /usr && mount -o remount,bind,ro /usr && /tmp/provost-*/install.sh; code=$?; umount /usr; exit $code",
    ]);
    expect([readOnly.status, readOnly.stderr]).toEqual([1, expect.stringMatching(/\/usr is read-only on this system/)]);
  }, 120_000);

  test("an upgrade keeps what is configured and known; an older version is refused unless it is asked for", () => {
    const conf = device.read("etc/provost/agent.conf");
    put(device, next, /^provost_.*\.deb$/);
    const upgraded = device.run("dpkg", ["-i", "/tmp/package.deb"]);
    expect([upgraded.status, upgraded.status === 0 ? "" : upgraded.stderr]).toEqual([0, ""]);
    expect(device.run("provost", ["--version"]).stdout).toBe(`${next.version}\n`);
    expect(device.read("usr/lib/provost.before/version")).toBe(`${old.version}\n`);
    expect(device.read("etc/provost/agent.conf")).toBe(conf);
    put(device, old, /^provost_.*\.deb$/);
    const back = device.run("dpkg", ["-i", "/tmp/package.deb"]);
    expect(back.status).not.toBe(0);
    expect(back.stderr).toMatch(
      /provost 0\.1\.1 is installed and this is 0\.1\.0: an older version may not read what the newer one wrote/,
    );
    expect(device.run("provost", ["--version"]).stdout).toBe(`${next.version}\n`);
    expect(device.run("dpkg", ["-i", "/tmp/package.deb"], { env: { PROVOST_DOWNGRADE: "yes" } }).status).toBe(0);
    expect(device.run("provost", ["--version"]).stdout).toBe(`${old.version}\n`);
  }, 120_000);

  test("a version that does not start twice gives way to the one before it", async () => {
    put(device, next, /^provost_.*\.deb$/);
    expect(device.run("dpkg", ["-i", "/tmp/package.deb"]).status).toBe(0);
    device.write("usr/lib/provost/app/main.js", "process.exit(1);\n");
    const { words, env } = unitCommand(device.root, "provost-agent.service");
    const failing = () => device.run(words[0] ?? "", words.slice(1), { env });
    expect([failing().status, failing().status]).toEqual([1, 1]);
    const third = device.start(words, env);
    await until(
      () => third.printed().includes("the version before it (0.1.0) runs until the next upgrade"),
      "the way back",
      20_000,
    );
    await until(
      () =>
        third.exitCode === null &&
        device.run("sh", ["-c", "ls -l /proc/[0-9]*/exe 2>/dev/null | grep -c provost.before"]).stdout.trim() !== "0",
      "the older agent",
      20_000,
    );
    // The next upgrade tries anew.
    expect(device.run("dpkg", ["-i", "/tmp/package.deb"]).status).toBe(0);
    expect(device.run("sha256sum", ["--quiet", "-c", "/usr/lib/provost/checksums"]).status).toBe(0);
  }, 120_000);

  test("files that are not the package's are named, and nothing is started", () => {
    device.write("usr/lib/provost/app/scan.js", "// altered\n");
    const configured = device.run("/var/lib/dpkg/info/provost.postinst", ["configure", old.version], {
      env: { DPKG_MAINTSCRIPT_PACKAGE: "provost" },
    });
    expect(configured.status).not.toBe(0);
    expect(configured.stderr).toMatch(
      /scan\.js: FAILED[\s\S]*files of provost differ from what the package carries, so nothing is started/,
    );
  });

  test("/usr that is full or read-only is named before dpkg unpacks anything", async () => {
    const third = await machines.machine("third");
    const unlike = third.files();
    put(third, old, /^provost_.*\.deb$/);
    const within = (before: string): { readonly status: number | null; readonly stderr: string } =>
      third.run("sh", ["-c", `${before} && dpkg -i /tmp/package.deb; code=$?; umount /usr; exit $code`]);
    const readOnly = within("mount --bind /usr /usr && mount -o remount,bind,ro /usr");
    expect(readOnly.status).not.toBe(0);
    expect(readOnly.stderr).toMatch(/\/usr is read-only on this system, so provost is not installed/);
    // A layer over /usr with 64 MB for what is written.
    const full = within(
      "mkdir -p /run/small && mount -t tmpfs -o size=64m tmpfs /run/small && mkdir /run/small/up /run/small/work && mount -t overlay -o lowerdir=/usr,upperdir=/run/small/up,workdir=/run/small/work overlay /usr",
    );
    expect(full.status).not.toBe(0);
    expect(full.stderr).toMatch(/\/usr has \d+ KiB free and provost needs \d+: free some space and run this again/);
    expect(third.run("dpkg-query", ["-W", "-f", "${db:Status-Status}", "provost"]).stdout).toBe("not-installed");
    expect(third.files()).toEqual(unlike);
  }, 120_000);

  test("the disk fills up while dpkg unpacks: nothing is half installed, and with space again it goes on", async () => {
    const filled = await machines.machine("filled");
    const unlike = filled.files();
    put(filled, old, /^provost_.*\.deb$/);
    filled.write(
      "tmp/fill.sh",
      `mkdir -p /run/small && mount -t tmpfs -o size=320m tmpfs /run/small && mkdir /run/small/up /run/small/work
mount -t overlay -o lowerdir=/usr,upperdir=/run/small/up,workdir=/run/small/work overlay /usr
dpkg -i /tmp/package.deb >/tmp/log 2>&1 & installing=$!
until [ -e /usr/lib/provost/node.dpkg-new ] || ! kill -0 $installing 2>/dev/null; do :; done
dd if=/dev/zero of=/run/small/filler bs=1M 2>/dev/null
wait $installing; echo "ended $?"; cat /tmp/log
dpkg-query -W -f 'state \${db:Status-Status}\n' provost; find /usr/lib/provost /usr/bin/provost 2>/dev/null
rm /run/small/filler; dpkg -i /tmp/package.deb >/dev/null 2>&1; echo "then $?"; provost --version
dpkg --purge provost >/dev/null 2>&1; umount /usr
`,
    );
    const { stdout } = filled.run("sh", ["/tmp/fill.sh"]);
    expect(stdout).toMatch(/^ended 1\n[\s\S]*No space left on device[\s\S]*\nstate not-installed\nthen 0\n/);
    expect(stdout).toContain(`then 0\n${old.version}\n`);
    expect(filled.files()).toEqual(unlike);
  }, 120_000);

  test.each(["unpacking"])(
    "dpkg is killed while %s: the next run goes on, and all is the package's",
    async (what) => {
      const killed = await machines.machine(`killed-${what}`);
      put(killed, old, /^provost_.*\.deb$/);
      // Where the first signs of that stage are there, everything that dpkg started ends at once.
      killed.write(
        "tmp/kill.sh",
        `setsid dpkg -i /tmp/package.deb >/tmp/log 2>&1 & group=$!
while kill -0 $group 2>/dev/null; do
  case ${what} in
    unpacking) [ -e /usr/lib/provost/node.dpkg-new ] && break ;;
  esac
done
kill -s KILL -- -$group; wait $group; echo "ended $?"
`,
      );
      expect(killed.run("sh", ["/tmp/kill.sh"]).stdout).toBe("ended 137\n");
      const status = (): string => killed.run("dpkg-query", ["-W", "-f", "${db:Status-Status}", "provost"]).stdout;
      expect(status()).toMatch(/^(?:half-installed|unpacked|half-configured)$/);
      expect(killed.run("sh", ["-c", "dpkg --configure -a && dpkg -i /tmp/package.deb"]).status).toBe(0);
      expect(status()).toBe("installed");
      expect(killed.run("sha256sum", ["--quiet", "-c", "/usr/lib/provost/checksums"]).status).toBe(0);
      expect(killed.run("provost", ["--version"]).stdout).toBe(`${old.version}\n`);
      expect(killed.run("sh", ["-c", "find / -xdev -name '*.dpkg-new' -o -xdev -name '*.dpkg-tmp'"]).stdout).toBe("");
    },
    120_000,
  );

  test("where the owner set a code, purging asks for it also while no agent runs", () => {
    const code = "the owner knows this";
    const hash = device.run("provost", ["stop", "--make-hash"], { env: { PROVOST_STOP_CODE: code } }).stdout.trim();
    device.write("etc/provost/agent.conf", `${device.read("etc/provost/agent.conf")}stop-hash = ${hash}\n`);
    for (const given of [undefined, "another one, as long"]) {
      const refused = device.run(
        "dpkg",
        ["--purge", "provost"],
        given === undefined ? {} : { env: { PROVOST_STOP_CODE: given } },
      );
      expect(refused.status).not.toBe(0);
      expect(refused.stderr).toMatch(/removing it needs the owner's code in PROVOST_STOP_CODE/);
    }
    expect(device.run("provost", ["--version"]).status).toBe(0);
    owner = { PROVOST_STOP_CODE: code };
  });

  test("removed and purged, every file, user and setting is as before", () => {
    const purged = device.run("dpkg", ["--purge", "provost"], { env: owner });
    expect([purged.status, purged.status === 0 ? "" : purged.stderr]).toEqual([0, ""]);
    expect(device.files()).toEqual(before.files);
    expect(device.read("etc/passwd")).toBe(before.users);
  });

  test.skipIf(spawnSync("rpm", ["--version"]).status !== 0)(
    "the .rpm installs, agrees with rpm's own check, upgrades one way and goes without a trace",
    async () => {
      const other = await machines.machine("rpm");
      const files = (): string[] =>
        other.files().filter((path) => !/^(?:var\/lib|usr\/lib\/sysimage)\/rpm|^root\/\.rpmdb/.test(path));
      const unlike = files();
      const rpm = (...words: string[]) => machines.host("rpm", ["--root", other.root, ...words]);
      const [first, second] = [old, next].map(({ out }) =>
        readdirSync(out).find((name) => name.endsWith(".rpm") && !name.includes("server")),
      );
      // Debian's libraries are in no rpm database.
      expect(rpm("-i", "--nodeps", join(old.out, first ?? "")).status).toBe(0);
      expect(
        rpm("-V", "--nodeps", "provost")
          .stdout.split("\n")
          .filter((line) => line.includes("/usr/")),
      ).toEqual([]);
      expect(other.run("provost", ["--version"]).stdout).toBe(`${old.version}\n`);
      expect(rpm("-U", "--nodeps", join(next.out, second ?? "")).status).toBe(0);
      expect(other.run("provost", ["--version"]).stdout).toBe(`${next.version}\n`);
      expect(other.read("usr/lib/provost.before/version")).toBe(`${old.version}\n`);
      expect(rpm("-U", "--nodeps", join(old.out, first ?? "")).stderr).toMatch(/is already installed/);
      const gone = rpm("-e", "provost");
      // Debian's rpm recommends alien on standard error, whatever it is asked.
      expect(gone.status).toBe(0);
      expect(files()).toEqual(unlike);
    },
    120_000,
  );

  test("the .tar.gz installs and uninstalls on a machine without using dpkg", async () => {
    const plain = await machines.machine("plain");
    const unlike = plain.files();
    put(plain, old, /^provost-\d.*\.tar\.gz$/, "tmp/agent.tar.gz");
    expect(plain.run("sh", ["-c", "tar -xzf /tmp/agent.tar.gz -C /tmp && /tmp/provost-*/install.sh"]).stderr).toMatch(
      /installed\. Next: take the line/,
    );
    expect(plain.run("provost", ["--version"]).stdout).toBe(`${old.version}\n`);
    const spoilt = plain.run("sh", [
      "-c",
      "for file in /tmp/provost-*/root/usr/bin/provost; do echo x >> $file; done; /tmp/provost-*/install.sh",
    ]);
    expect([spoilt.status, spoilt.stderr]).toEqual([
      1,
      expect.stringMatching(/files in this folder are not what was packed/),
    ]);
    const out = plain.run("sh", ["-c", "/tmp/provost-*/uninstall.sh --purge"]);
    expect([out.status, out.status === 0 ? "" : out.stderr]).toEqual([0, ""]);
    expect(plain.files()).toEqual(unlike);
  }, 120_000);

  describe.each([
    [".rpm", 4690],
    [".tar.gz", 4691],
  ] as const)("the server's %s", (format, port) => {
    test.skipIf(format === ".rpm" && spawnSync("rpm", ["--version"]).status !== 0)(
      "installs, starts, answers whoever signed in, and goes without a trace",
      async () => {
        const other = await machines.machine(`server-${port}`);
        const files = (): string[] =>
          other.files().filter((path) => !/^(?:var\/lib|usr\/lib\/sysimage)\/rpm|^root\/\.rpmdb/.test(path));
        const unlike = { files: files(), users: other.read("etc/passwd") };
        const package_ = fileOf(
          old.out,
          format === ".rpm" ? /^provost-server-.*\.rpm$/ : /^provost-server-.*\.tar\.gz$/,
        );
        const rpm = (...words: string[]) => machines.host("rpm", ["--root", other.root, ...words]);
        if (format === ".tar.gz") cpSync(package_, join(other.root, "tmp/server.tar.gz"));
        const installed =
          format === ".rpm"
            ? rpm("-i", "--nodeps", package_)
            : other.run("sh", ["-c", "tar -xzf /tmp/server.tar.gz -C /tmp && /tmp/provost-server-*/install.sh"]);
        expect([installed.status, installed.stderr]).toEqual([
          0,
          expect.stringMatching(/there is no systemd here: start \/usr\/lib\/provost-server\/start/),
        ]);
        expect(other.run("provost-server", ["--version"]).stdout).toBe(`${old.version}\n`);
        other.write("etc/provost/server.conf", `port = ${port}\nregistries = off\ntrust-roots = off\n`);
        expect(other.run("provost-server", ["config", "check"]).status).toBe(0);
        const { words, env } = unitCommand(other.root, "provost-server.service");
        const running = other.start(words, env);
        await until(() => running.printed().includes("sign-in?token="), `the server: ${running.printed()}`, 60_000);
        expect(other.run("stat", ["-c", "%U %a", "/var/lib/provost-server"]).stdout).toBe("provost-server 700\n");
        const folder = mkdtempSync(join(scratch, "signed-in-"));
        const link = other.run("provost-server", ["sign-in"]).stdout.trim();
        expect(new URL(link).port).toBe(String(port));
        expect(openWeb(machines, link, folder).get("/api/v1/devices")).toMatchObject({ rows: [] });
        const page = machines.host("curl", ["-s", new URL(link).origin]);
        expect(page.stdout).toMatch(/<!doctype html>/i);
        const gone =
          format === ".rpm"
            ? rpm("-e", "provost-server")
            : other.run("sh", ["-c", "/tmp/provost-server-*/uninstall.sh --purge"]);
        expect([gone.status, gone.status === 0 ? "" : gone.stderr]).toEqual([0, ""]);
        // It was running: whoever removes it ends it.
        await until(() => running.exitCode !== null || running.signalCode !== null, "the server's end", 20_000);
        expect({ files: files(), users: other.read("etc/passwd") }).toEqual(unlike);
      },
      180_000,
    );
  });

  const devices = (): readonly unknown[] => (web.get("/api/v1/devices") as { rows: readonly unknown[] }).rows;
});

interface Dist {
  readonly version: string;
  readonly out: string;
}

function put(machine: Machine, { out }: Dist, name: RegExp, to = "tmp/package.deb"): void {
  cpSync(fileOf(out, name), join(machine.root, to));
}

function startAgent(machine: Machine): void {
  const { words, env } = unitCommand(machine.root, "provost-agent.service");
  machine.start(words, env);
}

interface Web {
  get(path: string): unknown;
  post(path: string): unknown;
}

/** The console's side of the API, signed in with the printed link. */
function openWeb(machines: Machines, link: string, folder: string): Web {
  const jar = join(folder, "cookies");
  writeFileSync(jar, "");
  const curl = (...args: string[]): string => machines.host("curl", ["-sk", "-b", jar, "-c", jar, ...args]).stdout;
  curl("-o", "/dev/null", link);
  const address = new URL(link).origin;
  const { csrf } = JSON.parse(curl(`${address}/api/v1/session`)) as { csrf: string };
  return {
    get: (path) => JSON.parse(curl(`${address}${path}`)) as unknown,
    post: (path) =>
      JSON.parse(
        curl(
          "-X",
          "POST",
          "-H",
          `x-csrf: ${csrf}`,
          "-H",
          "content-type: application/json",
          "-d",
          "{}",
          `${address}${path}`,
        ),
      ) as unknown,
  };
}

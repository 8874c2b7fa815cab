// Makes a bare clone ready: dependencies as locked, Node 24 for npm's scripts, the console and the bundles built.
// Runs on whatever Node started npm (20 and later), so: plain JavaScript, nothing but Node's own modules.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { arch } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const top = fileURLToPath(new URL("../..", import.meta.url));
const wanted = new Set(process.argv.slice(2));
const bin = join(top, "node_modules", ".bin");
const node = join(top, "node_modules", `node-linux-${arch()}`, "bin", "node");

const header = (path) => existsSync(join("/usr/include", path));
/** What builds the sensor: Debian's package, and whether what it brings is there. */
const sensorNeeds = [
  ["gcc", () => onPath("gcc")],
  ["make", () => onPath("make")],
  ["clang", () => onPath("clang")],
  ["bpftool", () => onPath("bpftool")],
  ["libbpf-dev", () => header("bpf/libbpf.h")],
  ["libelf-dev", () => header("libelf.h")],
  ["zlib1g-dev", () => header("zlib.h")],
  ["libssl-dev", () => header("openssl/sha.h")],
  ["libc6-dev", () => header("stdio.h")],
];

if (process.platform !== "linux" || !["x64", "arm64"].includes(arch()))
  fail(`Provost runs on Linux on x64 and arm64, this is ${process.platform} on ${arch()}.`);
installDependencies();
linkNode();
if (wanted.has("--system")) installSystem();
if (wanted.has("--build")) buildOutputs();
if (wanted.has("--build") || wanted.has("--sensor")) buildSensor();

function installDependencies() {
  const lock = digest(readFileSync(join(top, "package-lock.json")));
  const stamp = join(top, "node_modules", ".provost-lock");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock && existsSync(node)) return;
  say("installing the locked dependencies");
  run(
    "npm",
    ["ci", "--no-audit", "--no-fund", "--loglevel=error"],
    "`npm ci` failed. Is the npm registry reachable? Its own message stands above.",
  );
  if (!existsSync(node))
    fail(
      `npm installed no Node 24 (package node-linux-${arch()}). Run \`npm ci --include=optional\` and look at its message.`,
    );
  writeFileSync(stamp, lock);
}

/** npm 10 drops the link when an optional package alone provides it. */
function linkNode() {
  const link = join(bin, "node");
  if (existsSync(link)) return;
  mkdirSync(bin, { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(relative(dirname(link), node), link);
}

function buildOutputs() {
  build("console", ["server/console", "shared"], "server/console/dist", join(bin, "vite"), [
    "build",
    "server/console",
    "--logLevel",
    "warn",
  ]);
  build("programs", ["agent", "server", "shared", "installers/source"], "dist", node, [
    "--disable-warning=ExperimentalWarning",
    join(top, "installers/source/bundle.mjs"),
  ]);
}

/** The sensor is C: where its tools are missing everything else goes on, without a gate. */
function buildSensor() {
  const missing = sensorNeeds.filter(([, there]) => !there()).map(([name]) => name);
  const folder = "agent/sensors/linux/native";
  const built = join(top, "dist/sensor/provost-sensor");
  const stamp = join(top, "dist/sensor/.built-from");
  const now = stampOf([folder]);
  if (existsSync(built) && existsSync(stamp) && readFileSync(stamp, "utf8") === now) return;
  if (missing.length > 0) {
    const instead = existsSync(built) ? "the sensor built before is used" : "this device runs without the sensor";
    say(`the sensor is not built, ${missing.join(", ")} missing: ${instead}. To build it: ${installLine(missing)}`);
    return;
  }
  say("building the sensor");
  run("make", ["-s", "-C", folder], "Building the sensor failed; the message above names the place.");
  mkdirSync(dirname(built), { recursive: true });
  // Beside and renamed: a sensor that runs keeps its own file.
  run(
    "strip",
    ["-o", `${built}.new`, join(top, folder, "build/provost-sensor")],
    "`strip` failed; is binutils installed?",
  );
  renameSync(`${built}.new`, built);
  writeFileSync(stamp, now);
}

function stampOf(folders) {
  return digest(
    JSON.stringify(folders.flatMap((folder) => sources(join(top, folder)))) +
      readFileSync(join(top, "package-lock.json"), "utf8"),
  );
}

/** Builds where any source is not what the last build saw. */
function build(what, folders, output, program, args) {
  const stamp = join(top, output, ".built-from");
  const now = stampOf(folders);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === now) return;
  say(`building the ${what}`);
  run(program, args, `Building the ${what} failed; the message above names the place.`);
  mkdirSync(join(top, output), { recursive: true });
  writeFileSync(stamp, now);
}

function sources(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ["node_modules", "dist", "build"].includes(entry.name) ? [] : sources(path);
    if (!entry.isFile() || /\.test\.tsx?$/.test(entry.name)) return [];
    const { size, mtimeMs } = statSync(path);
    return [[relative(top, path), size, mtimeMs]];
  });
}

/** What the tests need from the system: installed where that is possible, else named with the exact command. */
function installSystem() {
  const needs = [
    ["chromium", "chromium", "the console's tests"],
    ["xz", "xz-utils", "unpacking Debian packages"],
    ["debootstrap", "debootstrap", "the tests that alter a packaged program in a chroot"],
    ["faketime", "faketime", "the tests under a wrong clock"],
  ];
  const missing = needs.filter(([program]) => !onPath(program));
  for (const [name, there] of sensorNeeds) if (!there()) missing.push([name, name, "building the sensor"]);
  if (missing.length === 0) return;
  const packages = missing.map(([, name]) => name);
  const command = installLine(packages);
  if (process.getuid?.() !== 0 || !onPath("apt-get")) {
    say(`some tests will be skipped. To run them: sudo sh -c '${command}'`);
    return;
  }
  say(`installing ${packages.join(", ")} from Debian's packages (${missing.map(([, , why]) => why).join("; ")})`);
  const done = spawnSync("sh", ["-c", `${command} >/dev/null`], {
    stdio: ["ignore", 2, "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (done.status !== 0) say(`that failed; some tests will be skipped. The command was: ${command}`);
}

function installLine(packages) {
  return `apt-get update && apt-get install -y --no-install-recommends ${packages.join(" ")}`;
}

function onPath(program) {
  return (
    (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, program))) ||
    existsSync(join("/usr/sbin", program))
  );
}

function run(program, args, failure) {
  const done = spawnSync(program, args, {
    cwd: top,
    // Progress is for people: stdout belongs to the program that npm runs next.
    stdio: ["ignore", 2, "inherit"],
    env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
  });
  if (done.status !== 0) fail(failure);
}

function digest(data) {
  return createHash("sha256").update(data).digest("hex");
}

function say(line) {
  process.stderr.write(`provost: ${line}\n`);
}

function fail(line) {
  say(line);
  process.exit(1);
}

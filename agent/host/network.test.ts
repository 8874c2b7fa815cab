import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isNetwork } from "./network.ts";

test.each([
  ["192.0.2.1", true],
  ["192.0.2.0/24", true],
  ["2001:db8::/32", true],
  ["::1", true],
  ["0.0.0.0/0", false],
  ["::/0", false],
  ["192.0.2.1/33", false],
  ["192.0.2.1/24 } accept; ip daddr { 0.0.0.0/1", false],
  ["192.0.2.1/24/8", false],
  ["fe80::1%eth0", false],
  ["example.org", false],
  ["", false],
])("whether %s may be excepted: %s", (text, is) => {
  expect(isNetwork(text)).toBe(is);
});

const may = process.getuid?.() === 0 && spawnSync("nft", ["--version"]).status === 0;
const device = `provost-device-${process.pid}`;
const world = `provost-world-${process.pid}`;
const node = process.execPath;
const script = join(import.meta.dirname, "../../test/support/isolate.ts");

function run(program: string, ...args: string[]): string {
  const done = spawnSync(program, args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${done.stderr}`);
  return done.stdout;
}
const inDevice = (...args: string[]): string => run("ip", "netns", "exec", device, ...args);
const isolate = (...args: string[]): unknown =>
  JSON.parse(inDevice(node, "--disable-warning=ExperimentalWarning", script, ...args));
/** A program that writes its own packets, past everything that looks at addresses. */
const writesPacket = (): string =>
  inDevice(
    "python3",
    "-c",
    `import socket
s=socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("way", 0))
try:
  s.send(b"\\xff"*6 + b"\\x02"*6 + b"\\x08\\x00" + b"\\x45" + b"\\x00"*59)
  print("sent")
except OSError:
  print("refused")`,
  ).trim();

function link(name: string, four: readonly string[], six: readonly string[], namespace: string): void {
  const exec = ["netns", "exec", namespace, "ip"];
  for (const address of four) run("ip", ...exec, "address", "add", `${address}/24`, "dev", name);
  for (const address of six) run("ip", ...exec, "address", "add", `${address}/64`, "dev", name, "nodad");
  run("ip", ...exec, "link", "set", name, "up");
  run("ip", ...exec, "link", "set", "lo", "up");
}

describe.skipIf(!may)("a device that is cut off (root, nft), in a network of the test's own", () => {
  beforeEach(() => {
    for (const namespace of [device, world]) run("ip", "netns", "add", namespace);
    run("ip", "link", "add", "way", "netns", device, "type", "veth", "peer", "name", "back", "netns", world);
    link("back", ["10.87.0.1", "10.87.0.2", "10.87.0.3"], ["fd87::1", "fd87::3"], world);
    link("way", ["10.87.0.9"], ["fd87::9"], device);
    inDevice("ip", "route", "add", "default", "via", "10.87.0.1");
  });
  afterEach(() => {
    for (const namespace of [device, world]) spawnSync("ip", ["netns", "delete", namespace]);
  });

  test("reaches its server and what was excepted, and nothing else; undone, everything and no rule is left", () => {
    const everybody = ["10.87.0.1", "10.87.0.2", "10.87.0.3", "fd87::1", "fd87::3", "127.0.0.1"];
    expect(isolate("connect", ...everybody)).toEqual({ ok: everybody.map(() => "ECONNREFUSED") });
    expect(isolate("look")).toEqual({ ok: { rules: false, cut: false } });
    expect(writesPacket()).toBe("sent");
    inDevice("nft", "add", "table", "inet", "owners");

    expect(isolate("cut", "10.87.0.1", "10.87.0.2/32", "fd87::1")).toEqual({
      ok: "only the server and what was excepted are reachable",
    });
    expect(isolate("connect", ...everybody)).toEqual({
      ok: ["ECONNREFUSED", "ECONNREFUSED", "TIMEOUT", "ECONNREFUSED", "TIMEOUT", "ECONNREFUSED"],
    });
    expect(isolate("send", "10.87.0.1", "10.87.0.3", "fd87::3", "192.0.2.1")).toEqual({
      ok: ["sent", "EPERM", "EPERM", "EPERM"],
    });
    expect(writesPacket()).toBe("refused");
    expect(isolate("look")).toEqual({ ok: { rules: true, cut: true } });
    // Nobody comes in either.
    expect(
      spawnSync("ip", ["netns", "exec", world, "ping", "-c1", "-W1", "-I", "10.87.0.3", "10.87.0.9"]).status,
    ).not.toBe(0);

    expect(isolate("undo")).toEqual({ ok: "undone" });
    expect(isolate("connect", ...everybody)).toEqual({ ok: everybody.map(() => "ECONNREFUSED") });
    expect(inDevice("nft", "list", "tables").trim()).toBe("table inet owners");
    expect(isolate("undo")).toEqual({ ok: "undone" });
  });

  test("is not taken for cut off once an interface came that the rules do not know, until it is cut again", () => {
    isolate("cut", "10.87.0.1");
    inDevice("ip", "link", "add", "later", "type", "veth", "peer", "name", "later-peer");
    expect(isolate("look")).toEqual({ ok: { rules: true, cut: false } });
    isolate("cut", "10.87.0.1");
    expect(isolate("look")).toEqual({ ok: { rules: true, cut: true } });
  });

  test.each([
    ["a rule instead of an address", ["10.87.0.1/24 } accept; ip daddr { 1.1.1.1"], /not an address/],
    ["the whole world", ["0.0.0.0/0"], /not an address or a network/],
    ["no address of the server", [], /nobody could undo/],
  ])("is not cut with %s", (_what, addresses, why) => {
    expect(isolate("cut", ...addresses)).toMatchObject({ failed: expect.stringMatching(why) as string });
    expect(isolate("look")).toEqual({ ok: { rules: false, cut: false } });
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { defaultGate, outcomesFor } from "@provost/shared/policy/gate.ts";
import { sensors } from "../index.ts";
import type { Sensor, SensorListener, SensorSettings } from "../sensor.ts";
import { openLinuxSensor } from "./client.ts";

const golden = (name: string): Buffer => readFileSync(join(import.meta.dirname, "golden", name));
const settings: SensorSettings = {
  mode: "block",
  libraries: true,
  scripts: "executed",
  syscalls: true,
  files: true,
  events: true,
  deadlineMs: 2000,
  agentGoneMs: 3000,
  denyMs: 2000,
  when: outcomesFor(defaultGate, "block"),
};
const first = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.readUInt32LE(0));

let folder: string;
let server: Server;
let sensor: Sensor | undefined;
let peers: Socket[];
let told: string[];
let waiting: { readonly said: RegExp; readonly resolve: () => void }[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "provost-client-"));
  peers = [];
  told = [];
  waiting = [];
  server = createServer((peer) => {
    peers.push(peer);
    peer.on("error", () => undefined);
    peer.on("data", (bytes: Buffer) => tell(`heard ${bytes.readUInt16LE(4)}`));
    peer.write(first(golden("hello.bin")));
  });
});
afterEach(async () => {
  sensor?.close();
  for (const peer of peers) peer.destroy();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

function tell(what: string): void {
  told.push(what);
  for (const one of waiting.filter(({ said }) => said.test(what))) one.resolve();
}
const until = (said: RegExp): Promise<void> =>
  told.some((one) => said.test(one)) ? Promise.resolve() : new Promise((resolve) => waiting.push({ said, resolve }));

const listener: SensorListener = {
  hello: ({ tier }) => {
    tell(`hello ${tier}`);
    return settings;
  },
  ready: () => tell("ready"),
  asked: ({ path }) => tell(`asked ${path}`),
  gate: ({ cause }) => tell(`gate ${cause}`),
  events: (batch) => tell(`events ${[...batch].map(({ kind }) => kind).join(" ")}`),
  status: ({ mode }) => tell(`status ${mode}`),
  lost: ({ count }) => tell(`lost ${count}`),
  tampered: ({ what }) => tell(`tampered ${what}`),
  gone: (why) => tell(`gone ${why}`),
};
const listen = (path: string): Promise<void> => new Promise((resolve) => server.listen(path, resolve));

test("a hello is answered with settings, then questions and events are told, words first", async () => {
  const path = join(folder, "sensor");
  await listen(path);
  sensor = openLinuxSensor(path, listener);
  await until(/^heard 64$/);
  peers[0]?.write(Buffer.concat([first(golden("exec.bin")), first(golden("ask.bin"))]));
  await until(/^events/);
  expect(told.slice(0, 2)).toEqual(["hello B", "ready"]);
  expect(told.filter((one) => /^(?:asked|events)/.test(one))).toEqual(["asked /usr/bin/true", "events exec"]);
});

test("it tells every second that it lives", async () => {
  const path = join(folder, "sensor");
  await listen(path);
  sensor = openLinuxSensor(path, listener);
  await until(/^heard 69$/);
  expect(told).toContain("heard 64");
});

test("bytes that no sensor writes end the connection with the reason, and it comes back", async () => {
  const path = join(folder, "sensor");
  await listen(path);
  sensor = openLinuxSensor(path, listener);
  await until(/^heard 64$/);
  peers[0]?.write(golden("damaged-size-too-large.bin"));
  await until(/^gone/);
  told = told.filter((one) => one.startsWith("gone"));
  await until(/^hello/);
  expect(told[0]).toMatch(/^gone what the sensor sent cannot be read: a record of 65537 bytes/);
});

test("a sensor that refuses says why", async () => {
  const path = join(folder, "sensor");
  await listen(path);
  sensor = openLinuxSensor(path, listener);
  await until(/^heard 64$/);
  peers[0]?.write(first(golden("refused.bin")));
  await until(/^gone/);
  expect(told.at(-1)).toBe("gone the sensor refused this agent: /usr/bin/true");
});

test("where no sensor listens, that is told once and tried again", async () => {
  const path = join(folder, "sensor");
  sensor = openLinuxSensor(path, listener);
  await until(/^gone .*ENOENT/);
  await listen(path);
  await until(/^hello/);
  expect(told.filter((one) => one.startsWith("gone"))).toHaveLength(1);
});

test("a log of what a sensor said is told the same way", async () => {
  const path = join(folder, "log");
  writeFileSync(
    path,
    Buffer.concat(["hello.bin", "ask.bin", "exec.bin", "status.bin"].map((name) => first(golden(name)))),
  );
  sensor = sensors.replay(path, listener);
  await until(/^gone/);
  expect(told).toEqual([
    "hello B",
    "ready",
    "asked /usr/bin/true",
    "status warn",
    "events exec",
    "gone the log has ended",
  ]);
});

test("a log that ends inside a record says so", async () => {
  const path = join(folder, "log");
  writeFileSync(path, golden("ask.bin").subarray(0, 100));
  sensor = sensors.replay(path, listener);
  await until(/^gone/);
  expect(told).toEqual(["gone the log has ended, inside a record"]);
});

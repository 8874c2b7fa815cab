import { connect } from "node:net";
import { zstdCompressSync } from "node:zlib";
import Database from "better-sqlite3";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { digestOf, factsOf, filesFrame, lostFrame } from "../../test/support/frames.ts";
import {
  agentAddress,
  enrolled,
  enrolment,
  greeted,
  makeKeyPair,
  nonce,
  openSocket,
  resumed,
  resumption,
} from "../../test/support/raw-agent.ts";
import type { RawSocket } from "../../test/support/raw-agent.ts";
import { openWorld, until } from "../../test/support/server-world.ts";
import type { World } from "../../test/support/server-world.ts";

let world: World;
afterEach(() => world.close());

/** The server is unharmed: a new device enrols and its frame is stored. */
async function stillTakesOthersIn(): Promise<void> {
  const { raw } = await enrolled(world.address, world.token());
  raw.batch(1, [filesFrame([factsOf("/bin/other")])]);
  expect(await raw.next("ack")).toMatchObject({ upTo: 1 });
  raw.socket.close();
}

const filesOf = (device: string) =>
  world.parts.store.read.executables({ limit: 500, sort: "path", device }).rows.map(({ path }) => path);

test("a token enrols one device and never a second one", async () => {
  world = await openWorld();
  const token = world.token();
  await enrolled(world.address, token);
  const { raw, challenge } = await greeted(world.address);
  raw.say(enrolment(challenge, token));
  expect(await raw.next("refused")).toMatchObject({
    code: "ENROL_REFUSED",
    why: expect.stringContaining("the enrolment token was used before; ask for a new one") as string,
  });
  expect(await raw.ended()).toMatchObject({ code: 4003 });
  expect(world.parts.store.inventory.deviceIds()).toHaveLength(1);
});

test("the device that used a token may use it again after a lost welcome, and stays one device", async () => {
  world = await openWorld();
  const token = world.token();
  const { raw: first, device } = await enrolled(world.address, token);
  first.batch(1, [filesFrame([factsOf("/bin/a")])]);
  await first.next("ack");
  const { raw, challenge } = await greeted(world.address);
  raw.say(enrolment(challenge, token, device.keys, "epoch-2"));
  expect(await raw.next("welcome")).toMatchObject({ device: device.id, acknowledged: 0 });
  expect(world.parts.store.inventory.deviceIds()).toEqual([device.id]);
  expect(filesOf(device.id)).toEqual([]);
});

test("two devices with one token at the same moment: exactly one is enrolled", async () => {
  world = await openWorld();
  const token = world.token();
  const both = await Promise.all([greeted(world.address), greeted(world.address)]);
  for (const { raw, challenge } of both) raw.say(enrolment(challenge, token));
  const kinds = await Promise.all(
    both.map(({ raw }) => until(() => raw.heard.find(({ kind }) => kind !== "challenge")?.kind, "an answer")),
  );
  expect(kinds.toSorted()).toEqual(["refused", "welcome"]);
});

test.each([
  ["an expired token", (token: string) => token, -1, "has expired"],
  ["a token nobody made", () => `pvt1.${"A".repeat(32)}.${"B".repeat(43)}`, 1000, "is not one of this server's"],
  ["text that is no token", () => "let me in", 1000, "is not one of this server's"],
])("%s is refused, and told so", async (_name, change, tokenMs, why) => {
  world = await openWorld({ edge: { tokenMs } });
  const { raw, challenge } = await greeted(world.address);
  raw.say(enrolment(challenge, change(world.token())));
  expect(await raw.next("refused")).toMatchObject({
    code: "ENROL_REFUSED",
    why: expect.stringContaining(why) as string,
  });
  expect(world.parts.store.inventory.deviceIds()).toEqual([]);
});

test("whether a token would be taken is said before it is used, and does not use it up", async () => {
  world = await openWorld();
  const token = world.token();
  const { raw, challenge } = await greeted(world.address);
  raw.say({ kind: "token", token });
  await raw.next("valid");
  raw.say(enrolment(challenge, token));
  await raw.next("welcome");
  const second = await greeted(world.address);
  second.raw.say({ kind: "token", token });
  expect(await second.raw.next("refused")).toMatchObject({
    code: "ENROL_REFUSED",
    why: "the enrolment token was used before; ask for a new one in the console under Devices, Add device",
  });
});

test("a forged enrolment signature is refused and does not use the token up", async () => {
  world = await openWorld();
  const token = world.token();
  const { raw, challenge } = await greeted(world.address);
  raw.say({ ...enrolment(challenge, token), deviceKey: makeKeyPair().publicKey });
  expect(await raw.next("refused")).toMatchObject({ code: "ENROL_REFUSED" });
  await enrolled(world.address, token);
});

test.each([
  ["no key at all", "", ""],
  ["bytes that are no key", "AAAA", "AAAA"],
])("%s for a device key is refused", async (_name, deviceKey, signature) => {
  world = await openWorld();
  const { raw, challenge } = await greeted(world.address);
  raw.say({ ...enrolment(challenge, world.token()), deviceKey, signature });
  expect(await raw.next("refused")).toMatchObject({ code: "ENROL_REFUSED" });
});

test("resuming with another device's key, or as a device nobody knows, is refused", async () => {
  world = await openWorld();
  const { device } = await enrolled(world.address, world.token());
  for (const stranger of [
    { ...device, keys: makeKeyPair() },
    { ...device, id: "dev_00000000000000000000000000" },
  ]) {
    const { raw, challenge } = await greeted(world.address);
    raw.say(resumption(challenge, stranger));
    expect(await raw.next("refused")).toMatchObject({ code: "SESSION_REFUSED" });
  }
});

test("messages captured on one connection open no other", async () => {
  world = await openWorld();
  const { device } = await enrolled(world.address, world.token());
  const first = await greeted(world.address);
  const captured = resumption(first.challenge, device);
  const second = await greeted(world.address);
  second.raw.say(captured);
  expect(await second.raw.next("refused")).toMatchObject({ code: "SESSION_REFUSED" });
  // A signature made for enrolling does not resume either.
  const third = await greeted(world.address);
  third.raw.say({ ...captured, signature: enrolment(third.challenge, "x", device.keys).signature });
  expect(await third.raw.next("refused")).toMatchObject({ code: "SESSION_REFUSED" });
});

test("the server proves its key over both nonces, each time another", async () => {
  world = await openWorld();
  const [one, two] = [await greeted(world.address), await greeted(world.address)];
  expect(one.challenge["nonce"]).not.toBe(two.challenge["nonce"]);
  expect(one.challenge["signature"]).not.toBe(two.challenge["signature"]);
  expect(one.challenge["serverKey"]).toBe(two.challenge["serverKey"]);
});

const hello = { kind: "hello", nonce, version: "test" };
test.each<readonly [string, (raw: RawSocket) => void]>([
  ["data before the greeting", (raw) => raw.batch(1, [lostFrame()])],
  ["text that is not JSON", (raw) => raw.sayBytes("hello?")],
  ["a greeting of 20,000 bytes", (raw) => raw.say({ ...hello, version: "v".repeat(20_000) })],
  ["an unknown member in a greeting", (raw) => raw.say({ ...hello, more: 1 })],
  ["a greeting of another kind", (raw) => raw.say({ kind: "welcome" })],
  ["a resume before hello", (raw) => raw.say({ kind: "resume", device: "d", epoch: "e", signature: "AA" })],
  ["an enrolment before hello", (raw) => raw.say(enrolment({ kind: "c", nonce: "AA", serverKey: "AA" }, "t"))],
  [
    "a second hello",
    (raw) => {
      raw.say(hello);
      raw.say(hello);
    },
  ],
])("%s ends the session, and the server goes on", async (_name, attack) => {
  world = await openWorld();
  const raw = await openSocket(world.address);
  attack(raw);
  expect((await raw.ended()).why).toMatch(/FRAME_REFUSED/);
  await stillTakesOthersIn();
});

const long = `/${"p".repeat(16_384)}`;
const packed = (value: unknown) => zstdCompressSync(Buffer.from(JSON.stringify(value)));
const batchOf = (...frames: unknown[]) => packed({ kind: "batch", first: 1, skipped: 0, frames });
test.each<readonly [string, () => Uint8Array | string, number, RegExp]>([
  ["text after the greeting", () => JSON.stringify(hello), 4002, /text after the greeting/],
  ["a message of 3 MB", () => Buffer.alloc(3_000_000, 1), 1009, /^/],
  ["a zstd bomb", () => zstdCompressSync(Buffer.alloc(200_000_000)), 4002, /not zstd or unpacks to more/],
  ["bytes that are not zstd", () => Buffer.from("not zstd at all"), 4002, /not zstd/],
  ["half a zstd message", () => batchOf(lostFrame()).subarray(0, 30), 4002, /not zstd/],
  ["zstd that holds no JSON", () => zstdCompressSync(Buffer.from("{")), 4002, /not JSON/],
  ["JSON that is not UTF-8", () => zstdCompressSync(Buffer.from([0x22, 0xff, 0x22])), 4002, /not JSON in UTF-8/],
  ["JSON that is no batch", () => packed({ hello: "world" }), 4002, /FRAME_REFUSED/],
  ["null", () => packed(null), 4002, /FRAME_REFUSED/],
  ["a batch of nothing", () => batchOf(), 4002, /frames: none/],
  [
    "a batch with an unknown member",
    () => packed({ kind: "batch", first: 1, skipped: 0, frames: [lostFrame()], ["é𝄞".repeat(40)]: 1 }),
    4002,
    /Unrecognized key/,
  ],
  ["a frame of no known kind", () => batchOf({ kind: "shell", run: "sh" }), 4002, /frames\.0/],
  ["2,001 frames", () => batchOf(...Array.from({ length: 2001 }, () => lostFrame())), 4002, /more than 2000/],
  ["a path of 16,385 letters", () => batchOf(filesFrame([factsOf(long)])), 4002, /frames\.0\.upserts\.0\.path/],
  ["a path with a line break", () => batchOf(filesFrame([factsOf("/bin\n/sh")])), 4002, /control character/],
  ["a path with half a surrogate pair", () => batchOf(filesFrame([factsOf("/bin/\ud800")])), 4002, /well-formed/],
  ["a digest that is none", () => batchOf(filesFrame([factsOf("/a", { digest: "0" as never })])), 4002, /digest/],
  [
    "17 records of one file",
    () => batchOf(filesFrame([factsOf("/a", { records: Array.from({ length: 17 }) as never })])),
    4002,
    /records: more than 16/,
  ],
  [
    "501 files in a frame",
    () => batchOf(filesFrame(Array.from({ length: 501 }, (_, i) => factsOf(`/${i}`)))),
    4002,
    /more than 500/,
  ],
  [
    "a million faults in one list",
    () => packed({ kind: "batch", first: 1, skipped: 0, frames: Array.from({ length: 1_000_000 }, () => 0) }),
    4002,
    /more than 2000/,
  ],
  [
    "a million faults in one frame",
    () => batchOf({ kind: "running", at: 1, processes: [], files: Array.from({ length: 1_000_000 }, () => 0) }),
    4002,
    /files: more than/,
  ],
  [
    "a million faults in many frames",
    () =>
      batchOf(
        ...Array.from({ length: 2000 }, () => ({
          kind: "files",
          gone: [],
          upserts: Array.from({ length: 500 }, () => 0),
        })),
      ),
    4002,
    /frames\.0/,
  ],
  [
    "a million members",
    () => batchOf({ kind: "device", facts: Object.fromEntries(Array.from({ length: 1_000_000 }, (_, i) => [i, 0])) }),
    4002,
    /members/,
  ],
  [
    "a hundred thousand brackets",
    () =>
      zstdCompressSync(
        Buffer.from(`{"kind":"batch","first":1,"skipped":0,"frames":[${"[".repeat(100_000)}${"]".repeat(100_000)}]}`),
      ),
    4002,
    /FRAME_REFUSED/,
  ],
  [
    "a number beyond all counting",
    () => packed({ kind: "batch", first: 2 ** 53, skipped: 2 ** 53 - 1, frames: [lostFrame()] }),
    4002,
    /first/,
  ],
])("%s ends the session with its reason, stores nothing, and the server goes on", async (_name, attack, code, why) => {
  world = await openWorld();
  const { raw, device } = await enrolled(world.address, world.token());
  raw.sayBytes(attack());
  // What follows in the same breath is not heard any more.
  raw.batch(1, [filesFrame([factsOf("/bin/late")])]);
  const end = await raw.ended();
  expect(end.code).toBe(code);
  expect(end.why).toMatch(why);
  expect(raw.heard.map(({ kind }) => kind)).not.toContain("ack");
  expect(filesOf(device.id)).toEqual([]);
  await stillTakesOthersIn();
});

test("no greeting within the time ends the connection", async () => {
  world = await openWorld({ edge: { greetingMs: 60 } });
  const { raw } = await greeted(world.address);
  expect(await raw.ended()).toEqual({ code: 1008, why: "no greeting in time" });
});

test("a device that answers no ping is taken off the list of those online", async () => {
  world = await openWorld({ edge: { pingMs: 50 } });
  const { raw, device } = await enrolled(world.address, world.token());
  expect(world.edge.online).toEqual(new Set([device.id]));
  raw.socket.pause();
  await until(() => world.edge.online.size === 0, "the dead connection's end");
  raw.socket.terminate();
});

test("a web page cannot reach the socket: any Origin is refused", async () => {
  world = await openWorld();
  await expect(openSocket(world.address, { origin: "http://127.0.0.1" })).rejects.toThrow(/404/);
  await stillTakesOthersIn();
});

test("a peer of another protocol is refused at the door", async () => {
  world = await openWorld();
  const refused = await new Promise<string>((resolve) => {
    new WebSocket(agentAddress(world.address), "provost.v9").once("error", (cause) => resolve(cause.message));
  });
  expect(refused).toMatch(/400/);
});

test.each(["//", "/agent/../x", "http://[", "/\u0001", "/agent", "*"])(
  "an upgrade of %j that is no proper one leaves the server up",
  async (target) => {
    world = await openWorld();
    const { hostname, port } = new URL(world.address);
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), hostname, () =>
        socket.write(
          `GET ${target} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
        ),
      );
      socket.once("data", (data) => {
        resolve(data.toString());
        socket.resetAndDestroy();
      });
    });
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d/);
    await stillTakesOthersIn();
  },
);

test("a gap nobody declared is answered with resync and stores nothing", async () => {
  world = await openWorld();
  const { raw, device } = await enrolled(world.address, world.token());
  raw.batch(3, [filesFrame([factsOf("/bin/a")])]);
  expect(await raw.next("resync")).toMatchObject({ why: "frames 1 to 2 never arrived" });
  expect(filesOf(device.id)).toEqual([]);
  raw.batch(3, [filesFrame([factsOf("/bin/a")])], { skipped: 2 });
  expect(await raw.next("ack")).toMatchObject({ upTo: 3 });
});

test("a batch sent twice changes nothing, and one known in part adds only what is new", async () => {
  world = await openWorld();
  const { raw, device } = await enrolled(world.address, world.token());
  const frames = [filesFrame([factsOf("/bin/a")]), lostFrame(7)];
  raw.batch(1, frames);
  await raw.next("ack");
  raw.batch(1, frames);
  raw.batch(2, [lostFrame(7), filesFrame([factsOf("/bin/b")])]);
  await until(() => raw.heard.filter(({ kind }) => kind === "ack").length === 3, "three acknowledgements");
  expect(raw.heard.filter(({ kind }) => kind === "ack").map(({ upTo }) => upTo)).toEqual([2, 2, 3]);
  expect(filesOf(device.id)).toEqual(["/bin/a", "/bin/b"]);
  expect(world.parts.store.read.device(device.id, new Set())?.health.lostFrames).toBe(7);
});

test("a second session of one device takes over, and nothing the first still says is stored", async () => {
  world = await openWorld();
  const { raw: first, device } = await enrolled(world.address, world.token());
  first.batch(1, [filesFrame([factsOf("/bin/old")])]);
  await first.next("ack");
  const { raw: second, challenge } = await greeted(world.address);
  // Deaf from here on: it answers no close, but what it said is under way.
  first.socket.pause();
  second.say(resumption(challenge, device, "epoch-2"));
  expect(await second.next("welcome")).toMatchObject({ acknowledged: 0 });
  first.batch(1, [filesFrame([factsOf("/bin/stale")])]);
  second.batch(1, [filesFrame([factsOf("/bin/new")])]);
  expect(await second.next("ack")).toMatchObject({ upTo: 1 });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(filesOf(device.id)).toEqual(["/bin/new"]);
  first.socket.resume();
  expect(await first.ended()).toMatchObject({ code: 4004 });
  expect(world.edge.online).toEqual(new Set([device.id]));
});

test("resuming goes on where the acknowledgement stood; a new epoch starts from nothing", async () => {
  world = await openWorld();
  const { raw, device } = await enrolled(world.address, world.token());
  raw.batch(1, [filesFrame([factsOf("/bin/a")]), filesFrame([factsOf("/bin/b")])]);
  await raw.next("ack");
  raw.socket.close();
  expect((await resumed(world.address, device)).welcome).toMatchObject({ acknowledged: 2, device: device.id });
  expect(filesOf(device.id)).toEqual(["/bin/a", "/bin/b"]);
  expect((await resumed(world.address, device, "epoch-2")).welcome).toMatchObject({ acknowledged: 0 });
  expect(filesOf(device.id)).toEqual([]);
});

test("a store that cannot write acknowledges nothing and says so; when it can again, the same batch is taken", async () => {
  world = await openWorld();
  const { raw, device } = await enrolled(world.address, world.token());
  // Another writer holds the database's only write lock; the server gives up after its own patience.
  const other = new Database(join(world.folder, "server.sqlite"));
  other.exec("CREATE TRIGGER full BEFORE INSERT ON file_facts BEGIN SELECT RAISE(ABORT, 'disk full'); END");
  raw.batch(1, [lostFrame(3), filesFrame([factsOf("/bin/a")])]);
  expect(await raw.ended()).toEqual({ code: 1011, why: "the server could not store it: disk full" });
  expect(raw.heard.map(({ kind }) => kind)).not.toContain("ack");
  other.exec("DROP TRIGGER full");
  other.close();
  const { raw: again, welcome } = await resumed(world.address, device);
  expect(welcome).toMatchObject({ acknowledged: 0 });
  again.batch(1, [lostFrame(3), filesFrame([factsOf("/bin/a")])]);
  expect(await again.next("ack")).toMatchObject({ upTo: 2 });
  expect(world.parts.store.read.device(device.id, new Set())?.health.lostFrames).toBe(3);
});

test("a closed store acknowledges nothing", async () => {
  world = await openWorld();
  const { raw } = await enrolled(world.address, world.token());
  world.parts.store.close();
  raw.batch(1, [filesFrame([factsOf("/bin/a")])]);
  expect(await raw.ended()).toMatchObject({ code: 1011, why: expect.stringMatching(/could not store it/) });
  expect(raw.heard.map(({ kind }) => kind)).not.toContain("ack");
});

test("a device may say of itself what no calendar holds and no sentence has room for", async () => {
  world = await openWorld();
  const { raw, device } = await enrolled(world.address, world.token());
  const path = `/${"p".repeat(16_000)}`;
  raw.batch(1, [
    filesFrame([factsOf(path, { identity: { dev: 1, ino: 2, size: 3, ctimeMs: 1e300 }, digest: digestOf("x") })]),
  ]);
  expect(await raw.next("ack")).toMatchObject({ upTo: 1 });
  const [row] = world.parts.store.read.executables({ limit: 1, sort: "path", device: device.id }).rows;
  expect(row?.path).toBe(path);
  expect(row?.says.length).toBeLessThan(2000);
});

test("the signature of another server's key is not accepted from a device", async () => {
  world = await openWorld();
  const { device } = await enrolled(world.address, world.token());
  const { raw, challenge } = await greeted(world.address);
  const stranger = resumption({ ...challenge, serverKey: makeKeyPair().publicKey }, device);
  raw.say(stranger);
  expect(await raw.next("refused")).toMatchObject({ code: "SESSION_REFUSED" });
});

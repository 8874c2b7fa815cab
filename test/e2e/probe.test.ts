/** What keeps a device from its server: each cause by itself, told apart, with the next command. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connect, createServer as createPlain } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { formatToken, parseToken, signedBytes } from "../../shared/protocol/greeting.ts";
import { keyName, makeKeyPair, signWith } from "../../agent/link/keys.ts";
import { probe } from "../../agent/link/probe.ts";
import type { ProbeQuestion } from "../../agent/link/probe.ts";
import { proxyAddress } from "../../agent/link/proxy-address.ts";
import { openWorld } from "../support/server-world.ts";
import type { World } from "../support/server-world.ts";

let world: World;
let other: World;
const closers: (() => unknown)[] = [];
beforeAll(async () => {
  world = await openWorld({ tls: { tls: "own" } });
  other = await openWorld();
});
afterAll(async () => {
  for (const close of closers) close();
  await world.close();
  await other.close();
});

const urlOf = ({ address }: World): string => `${address.replace(/^http/, "ws")}/agent`;
const asked = (more: Partial<ProbeQuestion> = {}) => probe({ url: urlOf(world), now: Date.now(), ...more });
const last = async (more: Partial<ProbeQuestion> = {}) => (await asked(more)).at(-1);

const older = makeKeyPair();
/** Greets as every server does, and closes on whatever else it hears. */
async function olderServer(): Promise<string> {
  const sockets = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  closers.push(() => sockets.close());
  sockets.on("connection", (socket) =>
    socket.on("message", (data: Buffer) => {
      const { kind, nonce } = JSON.parse(data.toString()) as { kind: string; nonce: string };
      if (kind !== "hello") return socket.close(4002, "FRAME_REFUSED: the greeting is malformed");
      const statement = { purpose: "provost challenge v1", agentNonce: nonce, serverNonce: "AAAA" } as const;
      const signature = signWith(older.privateKey, signedBytes(statement));
      return socket.send(JSON.stringify({ kind: "challenge", nonce: "AAAA", serverKey: older.publicKey, signature }));
    }),
  );
  await new Promise((resolve) => sockets.once("listening", resolve));
  return `ws://127.0.0.1:${(sockets.address() as AddressInfo).port}/agent`;
}

async function listening(server: ReturnType<typeof createPlain>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

test("all is well: name, connection, greeting and clock hold, and the token is not used up", async () => {
  const token = world.token();
  const steps = await asked({ token });
  expect(steps.map(({ step, state }) => `${step} ${state}`)).toEqual([
    "name holds",
    "connection holds",
    "greeting holds",
    "token holds",
    "clock holds",
  ]);
  expect((await asked({ token })).every(({ state }) => state === "holds")).toBe(true);
});

describe("told apart", () => {
  test("a name that nobody knows", async () => {
    const step = await last({ url: "wss://no-such-name.invalid:4680/agent" });
    expect(step).toMatchObject({
      step: "name",
      state: "fails",
      says: expect.stringContaining("no-such-name.invalid is not known here"),
    });
    expect(step?.next).toMatch(/resolv\.conf/);
  });
  test("nothing listens", async () => {
    const port = await listening(createPlain());
    closers.splice(-1)[0]?.();
    const step = await last({ url: `wss://127.0.0.1:${port}/agent` });
    expect(step).toMatchObject({
      step: "connection",
      state: "fails",
      says: expect.stringContaining("nothing listens there"),
    });
    expect(step?.next).toMatch(/systemctl status provost-server/);
  });
  test("TLS asked of a server without it, and the other way round", async () => {
    const tls = await last({ url: urlOf(other).replace("ws:", "wss:") });
    expect(tls).toMatchObject({ step: "greeting", state: "fails", says: expect.stringMatching(/does not speak TLS/) });
    const plain = await last({ url: urlOf(world).replace("wss:", "ws:") });
    expect(plain).toMatchObject({ step: "greeting", state: "fails" });
  });
  test("another program that speaks HTTP", async () => {
    const port = await listening(createServer((_request, reply) => reply.writeHead(404).end()));
    const steps = await probe({ url: `ws://127.0.0.1:${port}/agent`, now: Date.now() });
    expect(steps.find(({ step }) => step === "greeting")).toMatchObject({
      state: "fails",
      says: "it answered 404 where a Provost server takes agents in",
    });
  });
  test("a program that says nothing", async () => {
    const port = await listening(createPlain((socket) => closers.push(() => socket.destroy())));
    expect(await last({ url: `ws://127.0.0.1:${port}/agent` })).toMatchObject({ step: "greeting", state: "fails" });
  }, 20_000);
  test.each([
    ["a token of another server", () => other.token(), /the token is of another server/],
    ["a token that was cut", () => world.token().slice(0, -3), /the enrolment token is not one: it is cut/],
  ])("%s", async (_what, token, says) => {
    const steps = await asked({ token: token() });
    const greeting = steps.find(({ step }) => step === "greeting");
    expect(greeting?.says).toMatch(says);
    expect(greeting?.next).toMatch(/Devices, Add device/);
  });
  test("a token that ran out, and one that was used: each by itself, and looking uses none up", async () => {
    const short = await openWorld({ edge: { tokenMs: 1 } });
    closers.push(() => short.close());
    const late = short.token();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await asked({ url: urlOf(short), token: late })).find(({ step }) => step === "token")).toEqual({
      step: "token",
      state: "fails",
      says: "the enrolment token has expired",
      next: "ask for a new one in the console under Devices, Add device",
    });
    const used = world.token();
    const { access } = world.parts.store;
    expect(access.takeToken(parseToken(used)?.secret ?? "", "dev_other", Date.now())).toBe(true);
    expect((await asked({ token: used })).find(({ step }) => step === "token")).toMatchObject({
      state: "fails",
      says: "the enrolment token was used before",
    });
  });
  test("a server that does not know the question about tokens", async () => {
    const step = (
      await asked({
        url: await olderServer(),
        token: formatToken({ secret: "A".repeat(32), serverKeySha256: keyName(older.publicKey) }),
      })
    ).find(({ step }) => step === "token");
    expect(step).toEqual({
      step: "token",
      state: "unknown",
      says: "the server does not say whether it takes this token",
    });
  });
  test("a key that changed", async () => {
    const greeting = (await asked({ pinnedServerKey: "another" })).find(({ step }) => step === "greeting");
    expect(greeting?.says).toMatch(/key changed since this device was enrolled/);
  });
  test.each([
    ["ahead of", 3_600_000],
    ["behind", -3_600_000],
  ])("a clock that is %s the server's", async (word, off) => {
    const steps = await asked({ now: Date.now() + off });
    expect(steps.at(-1)).toMatchObject({
      step: "clock",
      state: "fails",
      says: expect.stringMatching(new RegExp(`clock is (?:3599|3600|3601) s ${word} the server's`)),
    });
  });
});

describe("through a proxy", () => {
  const proxy = async (answer: "connect" | number) => {
    const server = createServer();
    const wanted: (string | undefined)[] = [];
    server.on("connect", (request, near, head) => {
      wanted.push(request.headers["proxy-authorization"]);
      if (answer !== "connect") return near.end(`HTTP/1.1 ${answer} No\r\n\r\n`);
      const [host = "", port = ""] = (request.url ?? "").split(":");
      const far = connect(Number(port), host, () => {
        near.write("HTTP/1.1 200 Connection established\r\n\r\n");
        far.write(head);
        far.pipe(near).pipe(far);
      });
      far.on("error", () => near.destroy());
      near.on("error", () => far.destroy());
      return undefined;
    });
    return { port: await listening(server), wanted };
  };
  test("TLS goes through it, and who signs the certificate is checked all the same", async () => {
    const { port, wanted } = await proxy("connect");
    const steps = await asked({ proxy: proxyAddress(`http://me:s%20cret@127.0.0.1:${port}`), token: world.token() });
    expect(steps.map(({ step, state }) => `${step} ${state}`)).toEqual([
      "greeting holds",
      "token holds",
      "clock holds",
    ]);
    expect(wanted).toEqual([`Basic ${Buffer.from("me:s cret").toString("base64")}`]);
  });
  test("its refusal is told", async () => {
    const { port } = await proxy(407);
    expect(await last({ proxy: proxyAddress(`http://127.0.0.1:${port}`) })).toMatchObject({
      step: "greeting",
      state: "fails",
      says: expect.stringMatching(/answered 407 .* it asks for a user and a password/),
    });
  });
  test.each(["https://proxy.example", "proxy.example:3128", "http://proxy.example/path", ""])(
    "%s is no proxy's address",
    (text) => {
      expect(() => proxyAddress(text)).toThrow(/proxy: wanted an address such as/);
    },
  );
});

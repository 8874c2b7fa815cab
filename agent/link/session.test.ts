import { describe, expect, test } from "vitest";
import { limits } from "@provost/shared/protocol/frames.ts";
import type { Signed } from "@provost/shared/protocol/greeting.ts";
import { formatToken, signedBytes } from "@provost/shared/protocol/greeting.ts";
import { keyName, makeKeyPair, signWith, verifyWith } from "./keys.ts";
import { next } from "./session.ts";
import type { Identity, Input, Session } from "./session.ts";

const server = makeKeyPair();
const stranger = makeKeyPair();
const device = makeKeyPair();
const tokenFor = (key: string) => ({
  text: formatToken({ secret: "s".repeat(32), serverKeySha256: keyName(key) }),
  serverKeySha256: keyName(key),
});

const fresh: Identity = {
  deviceKey: device.publicKey,
  device: undefined,
  pinnedServerKey: undefined,
  token: tokenFor(server.publicKey),
  sign: (bytes) => signWith(device.privateKey, bytes),
  verify: (bytes, signature, key) => verifyWith(key, bytes, signature),
  sha256: keyName,
};
const enrolled: Identity = { ...fresh, token: undefined, device: "dev_a", pinnedServerKey: server.publicKey };

const nonces = { agentNonce: "agent", serverNonce: "server" } as const;
const greeting: Session = { state: "greeting", attempt: 2, nonce: "agent" };
const proving: Session = {
  state: "proving",
  attempt: 2,
  nonce: "agent",
  serverNonce: "server",
  serverKey: server.publicKey,
};
const open: Session = {
  state: "open",
  device: "dev_a",
  sentUpTo: 10,
  acknowledged: 4,
  windowBytes: 1000,
  underWay: [
    { last: 7, bytes: 300 },
    { last: 10, bytes: 300 },
  ],
};

const signed = (statement: Signed, by = server): string => signWith(by.privateKey, signedBytes(statement));
const challenge = (by = server, more: Partial<Extract<Input, { kind: "challenge" }>> = {}): Input => ({
  kind: "challenge",
  nonce: "server",
  serverKey: by.publicKey,
  signature: signed({ purpose: "provost challenge v1", ...nonces }, by),
  ...more,
});
const welcome = (more: Partial<Extract<Input, { kind: "welcome" }>> = {}, by = server): Input => ({
  kind: "welcome",
  device: "dev_a",
  acknowledged: 4,
  windowBytes: 1000,
  signature: signed({ purpose: "provost welcome v1", ...nonces, device: "dev_a", acknowledged: 4 }, by),
  ...more,
});

describe("the server proves its key first", () => {
  test("a server that the token names is shown the token, signed for exactly this greeting", () => {
    const [moved, effects] = next(greeting, challenge(), fresh);
    expect(moved).toEqual(proving);
    expect(effects).toMatchObject([{ do: "enrol", token: fresh.token?.text }]);
    const statement = {
      purpose: "provost enrol v1",
      ...nonces,
      serverKey: server.publicKey,
      deviceKey: device.publicKey,
      token: fresh.token?.text ?? "",
    } as const;
    const [effect] = effects;
    expect(effect?.do === "enrol" && verifyWith(device.publicKey, signedBytes(statement), effect.signature)).toBe(true);
  });

  test("a server that is known is not shown a token, even where one is at hand", () => {
    const [, effects] = next(greeting, challenge(), { ...enrolled, token: tokenFor(server.publicKey) });
    expect(effects).toMatchObject([{ do: "resume" }]);
    expect(JSON.stringify(effects)).not.toContain("pvt1");
  });

  test.each<readonly [string, Input, Identity, string]>([
    ["another key than the token names", challenge(stranger), fresh, "not the one the enrolment token names"],
    [
      "a token for another server",
      challenge(),
      { ...fresh, token: tokenFor(stranger.publicKey) },
      "not the one the enrolment token names",
    ],
    ["no token and no server known", challenge(), { ...fresh, token: undefined }, "no enrolment token"],
    ["another key than at enrolment", challenge(stranger), enrolled, "changed since this device was enrolled"],
    [
      "the right key, and a signature by another",
      challenge(stranger, { serverKey: server.publicKey }),
      fresh,
      "not signed by the key it shows",
    ],
    [
      "a signature for another greeting",
      challenge(server, { nonce: "other" }),
      fresh,
      "not signed by the key it shows",
    ],
    ["a signature that is none", challenge(server, { signature: "AAAA" }), fresh, "not signed by the key it shows"],
    ["a key that is none", challenge(server, { serverKey: "AAAA" }), fresh, "not signed by the key it shows"],
  ])("%s: the token stays secret, and a person has to act", (_name, input, me, why) => {
    const [moved, effects] = next(greeting, input, me);
    expect(moved).toEqual(greeting);
    expect(effects).toMatchObject([{ do: "close", final: true }]);
    expect(JSON.stringify(effects)).toContain(`SERVER_NOT_TRUSTED: `);
    expect(JSON.stringify(effects)).toContain(why);
    expect(JSON.stringify(effects)).not.toContain("pvt1");
  });

  test("a device that moves to another server with its token enrols there", () => {
    expect(next(greeting, challenge(stranger), { ...enrolled, token: tokenFor(stranger.publicKey) })[1]).toMatchObject([
      { do: "enrol" },
    ]);
  });
});

describe("the welcome", () => {
  test("opens the session, remembers, commits what is stored there and sends what comes after", () => {
    const [moved, effects] = next(proving, welcome(), fresh);
    expect(moved).toEqual({
      state: "open",
      device: "dev_a",
      sentUpTo: 4,
      acknowledged: 4,
      windowBytes: 1000,
      underWay: [],
    });
    expect(effects).toEqual([
      { do: "remember", device: "dev_a", serverKey: server.publicKey, acknowledged: 4 },
      { do: "commit", upTo: 4 },
      { do: "send", after: 4, maxBytes: 1000 },
    ]);
  });

  test.each<readonly [string, Input]>([
    ["by another key", welcome({}, stranger)],
    ["for another device", welcome({ device: "dev_b" })],
    ["that claims more is stored than was signed", welcome({ acknowledged: 5 })],
    ["with the challenge's signature", welcome({ signature: signed({ purpose: "provost challenge v1", ...nonces }) })],
  ])("forged: %s", (_name, input) => {
    const [moved, effects] = next(proving, input, fresh);
    expect(moved).toEqual(proving);
    expect(effects).toMatchObject([{ do: "close", final: true }]);
  });

  test("a window larger than the protocol's limit is cut to it", () => {
    const [moved] = next(proving, welcome({ windowBytes: Number.MAX_SAFE_INTEGER }), fresh);
    expect(moved).toMatchObject({ windowBytes: limits.windowBytes });
    expect(next(open, { kind: "ack", upTo: 10, windowBytes: Number.MAX_SAFE_INTEGER }, enrolled)[0]).toMatchObject({
      windowBytes: limits.windowBytes,
    });
  });

  test("a window of nothing sends nothing", () => {
    expect(next(proving, welcome({ windowBytes: 0 }), fresh)[1].map((effect) => effect.do)).toEqual([
      "remember",
      "commit",
    ]);
  });
});

describe("once open", () => {
  test.each<readonly [string, number, readonly number[], number]>([
    ["of part commits that part and keeps the rest under way", 7, [10], 700],
    ["of everything frees the window", 10, [], 1000],
    ["inside a batch keeps the batch under way", 9, [10], 700],
    ["that repeats an old one changes nothing", 2, [7, 10], 400],
  ])("an acknowledgement %s", (_name, upTo, underWay, free) => {
    const [moved, effects] = next(open, { kind: "ack", upTo, windowBytes: 1000 }, enrolled);
    expect(moved.state === "open" && moved.underWay.map(({ last }) => last)).toEqual(underWay);
    expect(effects).toEqual([
      { do: "commit", upTo: Math.max(4, upTo) },
      { do: "send", after: 10, maxBytes: free },
    ]);
  });

  test("an acknowledgement of what was never sent commits nothing and ends the session", () => {
    const [moved, effects] = next(open, { kind: "ack", upTo: 11, windowBytes: 1000 }, enrolled);
    expect(moved).toEqual(open);
    expect(effects).toMatchObject([
      { do: "close", final: false, why: "FRAME_REFUSED: the server sent an acknowledgement of 11, sent only up to 10" },
    ]);
  });

  test("what is sent counts against the window until it is full", () => {
    const [moved, effects] = next(open, { kind: "sent", last: 12, bytes: 399 }, enrolled);
    expect(effects).toEqual([{ do: "send", after: 12, maxBytes: 1 }]);
    expect(next(moved, { kind: "sent", last: 13, bytes: 50 }, enrolled)[1]).toEqual([]);
  });

  test("something new in the spool is sent at once", () => {
    expect(next(open, { kind: "spooled" }, enrolled)[1]).toEqual([{ do: "send", after: 10, maxBytes: 400 }]);
  });
});

test.each<readonly [string, Session, Input]>([
  ["a second challenge", proving, challenge()],
  ["a challenge once open", open, challenge()],
  ["a welcome before the challenge", greeting, welcome()],
  ["a second welcome", open, welcome()],
  ["an ack before the welcome", proving, { kind: "ack", upTo: 0, windowBytes: 1 }],
])("%s is refused and changes nothing", (_name, session, input) => {
  const [moved, effects] = next(session, input, fresh);
  expect(moved).toEqual(session);
  expect(effects).toMatchObject([{ do: "close", final: false }]);
});

test.each([
  ["ENROL_REFUSED", true],
  ["SERVER_NOT_TRUSTED", true],
  ["SESSION_REFUSED", false],
  ["anything else", false],
])("a refusal with %s: final is %s", (code, final) => {
  expect(next(proving, { kind: "refused", code, why: "no" }, fresh)[1]).toEqual([
    { do: "close", why: `${code}: no`, final },
  ]);
});

test("a session that was open begins its waiting anew; one that failed waits longer each time", () => {
  expect(next(open, { kind: "closed" }, enrolled)).toEqual([
    { state: "idle", attempt: 1 },
    [{ do: "wait", attempt: 0 }],
  ]);
  expect(next(greeting, { kind: "closed" }, enrolled)).toEqual([
    { state: "idle", attempt: 3 },
    [{ do: "wait", attempt: 2 }],
  ]);
  expect(next({ state: "idle", attempt: 3 }, { kind: "dial", nonce: "n" }, enrolled)).toEqual([
    { state: "greeting", attempt: 3, nonce: "n" },
    [{ do: "connect", nonce: "n" }],
  ]);
  expect(next(open, { kind: "dial", nonce: "n" }, enrolled)).toEqual([open, []]);
});

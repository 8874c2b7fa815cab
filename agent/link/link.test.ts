import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import type { Frame } from "@provost/shared/protocol/frames.ts";
import { FromAgent } from "@provost/shared/protocol/frames.ts";
import { formatToken, signedBytes } from "@provost/shared/protocol/greeting.ts";
import { pack, unpack } from "@provost/shared/protocol/pack.ts";
import { append, depth } from "../spool/spool.ts";
import { openState } from "../state/state.ts";
import { zstd } from "./codec.ts";
import { keyName, makeKeyPair, signWith } from "./keys.ts";
import { openLink } from "./link.ts";

const scratch = fs.mkdtempSync(join(tmpdir(), "provost-link-"));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

const keys = makeKeyPair();
const token = formatToken({ secret: "s".repeat(32), serverKeySha256: keyName(keys.publicKey) });
const held = (version: number): Frame => ({ kind: "held", proofs: [{ root: "", purl: "a" as never, version }] });

interface Batch {
  readonly first: number;
  readonly frames: readonly { readonly proofs: readonly { readonly version: number }[] }[];
}

/** The least a server must say, over a real socket: it keeps what it gets by epoch and acknowledges it. */
function openServer(): Promise<{ url: string; greetings: string[]; stored: Map<string, number[]>; close(): void }> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols: ([first]) => first ?? false });
  const greetings: string[] = [];
  const stored = new Map<string, number[]>();
  server.on("connection", (socket) => {
    let agentNonce = "";
    let epoch = "";
    const sign = (statement: Parameters<typeof signedBytes>[0]): string =>
      signWith(keys.privateKey, signedBytes(statement));
    const say = (message: object): void => socket.send(JSON.stringify(message));
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) {
        const unpacked = unpack(data, zstd);
        const batch = (unpacked.ok ? unpacked.value : undefined) as Batch;
        const before = stored.get(epoch) ?? [];
        stored.set(epoch, [...before, ...batch.frames.map((frame) => frame.proofs[0]?.version ?? -1)]);
        return socket.send(pack({ kind: "ack", upTo: batch.first + batch.frames.length - 1, windowBytes: 1e6 }, zstd));
      }
      const message = FromAgent.parse(JSON.parse(data.toString()));
      greetings.push(message.kind);
      if (message.kind === "hello") {
        agentNonce = message.nonce;
        const signature = sign({ purpose: "provost challenge v1", agentNonce, serverNonce: "AAAA" });
        return say({ kind: "challenge", nonce: "AAAA", serverKey: keys.publicKey, signature });
      }
      if (message.kind === "token") throw new Error("an agent enrols without asking");
      epoch = message.epoch;
      const acknowledged = stored.get(epoch)?.length ?? 0;
      const signature = sign({
        purpose: "provost welcome v1",
        agentNonce,
        serverNonce: "AAAA",
        device: "dev_a",
        acknowledged,
      });
      return say({ kind: "welcome", device: "dev_a", acknowledged, windowBytes: 1e6, signature });
    });
  });
  return new Promise((resolve) => {
    server.once("listening", () => {
      const { port } = server.address() as { port: number };
      resolve({ url: `ws://127.0.0.1:${port}/agent`, greetings, stored, close: () => server.close() });
    });
  });
}

test("enrols once, tells everything, and after the spool overflowed tells it again in another epoch", async () => {
  const server = await openServer();
  const state = openState(join(scratch, "state"));
  const drained: (() => void)[] = [];
  const nextDrain = (): Promise<void> => new Promise((resolve) => drained.push(resolve));
  const first = nextDrain();
  const link = openLink(
    state,
    { url: server.url, name: "test", token },
    {
      opened: () => undefined,
      drained: () => drained.splice(0).forEach((resolve) => resolve()),
      proof: () => undefined,
      attested: () => undefined,
      trust: () => undefined,
      policy: () => undefined,
      command: () => undefined,
      triage: () => undefined,
      retell: () => [1, 2, 3].forEach((version) => append(state, held(version))),
      lost: () => undefined,
    },
  );
  try {
    await first;
    expect([...server.stored.values()]).toEqual([[1, 2, 3]]);
    const second = nextDrain();
    append(state, held(4));
    link.spooled();
    await second;
    expect([...server.stored.values()]).toEqual([[1, 2, 3, 4]]);
    const third = nextDrain();
    for (let version = 5; version < 140; version += 1) append(state, held(version), 500);
    link.spooled();
    await third;
    expect([...server.stored.values()].at(-1)).toEqual([1, 2, 3]);
    expect(server.stored.size).toBe(2);
    expect(depth(state).frames).toBe(0);
    expect(server.greetings.filter((kind) => kind === "enrol")).toEqual(["enrol"]);
  } finally {
    link.close();
    server.close();
    state.close();
  }
}, 20_000);

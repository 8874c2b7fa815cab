import { WebSocket } from "ws";
import { zstd } from "../../agent/link/codec.ts";
import { makeKeyPair, signWith } from "../../agent/link/keys.ts";
import { signedBytes } from "../../shared/protocol/greeting.ts";
import type { Signed } from "../../shared/protocol/greeting.ts";
import { pack, unpack } from "../../shared/protocol/pack.ts";
import { subprotocol } from "../../shared/protocol/version.ts";
import { until } from "./server-world.ts";

export { makeKeyPair };

/** A device as a test plays it: it can say anything, also what no agent says. */
export interface RawDevice {
  readonly keys: ReturnType<typeof makeKeyPair>;
  readonly epoch: string;
  readonly id: string;
}

export interface Said {
  readonly kind: string;
  readonly [field: string]: unknown;
}

export interface RawSocket {
  readonly socket: WebSocket;
  readonly heard: Said[];
  readonly closed: () => { readonly code: number; readonly why: string } | undefined;
  say(message: unknown): void;
  sayBytes(bytes: Uint8Array | string): void;
  batch(first: number, frames: readonly unknown[], more?: object): void;
  next(kind: string, after?: number): Promise<Said>;
  ended(): Promise<{ readonly code: number; readonly why: string }>;
}

export const agentAddress = (address: string): string => `${address.replace(/^http/, "ws")}/agent`;

export async function openSocket(address: string, headers: Record<string, string> = {}): Promise<RawSocket> {
  const socket = new WebSocket(agentAddress(address), subprotocol, { perMessageDeflate: false, headers });
  const heard: Said[] = [];
  let closed: { code: number; why: string } | undefined;
  socket.on("message", (data: Buffer, isBinary) => {
    const unpacked = isBinary ? unpack(data, zstd) : { ok: true as const, value: JSON.parse(data.toString()) };
    heard.push(unpacked.ok ? (unpacked.value as Said) : { kind: "garbage" });
  });
  socket.on("error", () => undefined);
  socket.on("close", (code, why) => (closed = { code, why: why.toString() }));
  await new Promise<void>((resolve, reject) => {
    socket.once("open", () => resolve());
    socket.once("error", reject);
  });
  return {
    socket,
    heard,
    closed: () => closed,
    say: (message) => socket.send(JSON.stringify(message)),
    sayBytes: (bytes) => socket.send(bytes),
    batch: (first, frames, more = {}) => socket.send(pack({ kind: "batch", first, skipped: 0, frames, ...more }, zstd)),
    next: (kind, after = 0) =>
      until(
        () => heard.slice(after).find((message) => message.kind === kind),
        `${kind}; heard ${JSON.stringify(heard).slice(0, 400)}, closed ${JSON.stringify(closed)}`,
      ),
    ended: () => until(() => closed, "the connection's end"),
  };
}

export const nonce = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

export async function greeted(address: string): Promise<{ raw: RawSocket; challenge: Said }> {
  const raw = await openSocket(address);
  raw.say({ kind: "hello", nonce, version: "test" });
  return { raw, challenge: await raw.next("challenge") };
}

const sign = (keys: RawDevice["keys"], statement: Signed): string => signWith(keys.privateKey, signedBytes(statement));

export function enrolment(challenge: Said, token: string, keys = makeKeyPair(), epoch = "epoch-1") {
  const signature = sign(keys, {
    purpose: "provost enrol v1",
    agentNonce: nonce,
    serverNonce: String(challenge["nonce"]),
    serverKey: String(challenge["serverKey"]),
    deviceKey: keys.publicKey,
    token,
  });
  return { kind: "enrol", token, deviceKey: keys.publicKey, name: "raw", epoch, signature };
}

export function resumption(challenge: Said, device: RawDevice, epoch = device.epoch) {
  const signature = sign(device.keys, {
    purpose: "provost resume v1",
    agentNonce: nonce,
    serverNonce: String(challenge["nonce"]),
    serverKey: String(challenge["serverKey"]),
    device: device.id,
  });
  return { kind: "resume", device: device.id, epoch, signature };
}

export async function enrolled(
  address: string,
  token: string,
  keys = makeKeyPair(),
): Promise<{ raw: RawSocket; device: RawDevice }> {
  const { raw, challenge } = await greeted(address);
  raw.say(enrolment(challenge, token, keys));
  const welcome = await raw.next("welcome");
  return { raw, device: { keys, epoch: "epoch-1", id: String(welcome["device"]) } };
}

export async function resumed(address: string, device: RawDevice, epoch = device.epoch) {
  const { raw, challenge } = await greeted(address);
  raw.say(resumption(challenge, device, epoch));
  return { raw, welcome: await raw.next("welcome") };
}

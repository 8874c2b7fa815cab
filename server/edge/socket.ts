import { randomBytes } from "node:crypto";
import type { Server } from "node:http";
import { WebSocketServer } from "ws";
import type { RawData, WebSocket } from "ws";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import { formatToken, parseToken } from "@provost/shared/protocol/greeting.ts";
import { Batch, FromAgent, limits } from "@provost/shared/protocol/frames.ts";
import { pack, unpack } from "@provost/shared/protocol/pack.ts";
import { subprotocol } from "@provost/shared/protocol/version.ts";
import { acceptBatch } from "../ingest/accept.ts";
import type { Topic } from "../ingest/accept.ts";
import { newSecret } from "../store/secret.ts";
import type { Store } from "../store/store.ts";
import type { ProofDesk } from "../trust/desk.ts";
import { zstd } from "./codec.ts";
import { keyName, signWith, verifyWith } from "./keys.ts";
import { greet } from "./session.ts";
import type { EdgeSession, Gate } from "./session.ts";

export interface Edge {
  readonly online: ReadonlySet<string>;
  /** A device has proofs waiting. */
  feed(device: DeviceId): void;
  newToken(now: number): { readonly token: string; readonly expiresAt: number };
  close(): void;
}

export interface EdgeEvents {
  changed(topic: Topic, device: DeviceId, count: number): void;
  refused(remote: string, why: string): void;
}

export const edgeLimits = {
  connections: 20_000,
  greetingMs: 10_000,
  tokenMs: 15 * 60_000,
  proofsUnderWay: 50,
  bufferedBytes: 4 * 1024 * 1024,
} as const;

/** Takes agents in on `/agent`. One malformed message ends its session and nothing else. */
export function openEdge(http: Server, store: Store, desk: ProofDesk, events: EdgeEvents): Edge {
  const { access, inventory } = store;
  const key = access.serverKey();
  const online = new Map<DeviceId, WebSocket>();
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: limits.packedBytes,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });

  const gate: Gate = {
    serverKey: key.publicKey,
    windowBytes: limits.windowBytes,
    nonce: () => randomBytes(32).toString("base64"),
    sign: (bytes) => signWith(key.privateKey, bytes),
    verify: verifyWith,
    enrol(request) {
      const token = parseToken(request.token);
      const id = `dev_${randomBytes(16).toString("hex").slice(0, 26)}` as DeviceId;
      if (token === undefined) return undefined;
      return inventory.transaction(() => {
        if (!access.takeToken(token.secret, id, Date.now())) return undefined;
        inventory.addDevice({ id, name: request.name, publicKey: request.deviceKey, epoch: request.epoch }, Date.now());
        return id;
      });
    },
    device: (id) => inventory.device(id),
    newEpoch: (device, epoch) => inventory.transaction(() => inventory.startEpoch(device as DeviceId, epoch)),
  };

  const serve = (socket: WebSocket, remote: string): void => {
    let session: EdgeSession = { state: "new" };
    const patience = setTimeout(() => end(1008, "no greeting in time"), edgeLimits.greetingMs);
    const end = (code: number, why: string): void => {
      events.refused(remote, why);
      socket.close(code, why.slice(0, 120));
      // A peer that does not answer the close is cut off.
      setTimeout(() => socket.terminate(), 2000).unref();
    };

    const greeted = (bytes: Uint8Array): void => {
      const parsed = bytes.byteLength > limits.greetingBytes ? undefined : FromAgent.safeParse(jsonOrUndefined(bytes));
      if (parsed?.success !== true) return end(4002, "FRAME_REFUSED: the greeting is malformed");
      const outcome = greet(session, parsed.data, gate);
      if ("refuse" in outcome) {
        socket.send(JSON.stringify({ kind: "refused", ...outcome.refuse }));
        return end(4003, `${outcome.refuse.code}: ${outcome.refuse.why}`);
      }
      session = outcome.session;
      socket.send(JSON.stringify(outcome.say));
      if (session.state === "open") opened(session.device as DeviceId);
    };

    const opened = (device: DeviceId): void => {
      clearTimeout(patience);
      // The same identity twice is a copied image or a half-dead connection: the newer one stays.
      online.get(device)?.close(4004, "another session of this device took over");
      online.set(device, socket);
      inventory.seen(device, Date.now());
      events.changed("devices", device, 1);
      feed(device);
    };

    const received = (bytes: Uint8Array): void => {
      if (session.state !== "open") return end(4002, "FRAME_REFUSED: data before the greeting");
      const unpacked = unpack(bytes, zstd);
      if (!unpacked.ok) return end(4002, `FRAME_REFUSED: ${unpacked.why}`);
      const parsed = Batch.safeParse(unpacked.value);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        return end(4002, `FRAME_REFUSED: ${issue?.path.join(".") ?? ""} ${issue?.message ?? "malformed"}`);
      }
      const device = session.device as DeviceId;
      const accepted = acceptBatch(device, parsed.data, inventory, desk, Date.now());
      if (!accepted.ok) return send({ kind: "resync", why: accepted.why });
      send({ kind: "ack", upTo: accepted.upTo, windowBytes: limits.windowBytes });
      for (const [topic, count] of accepted.changes) events.changed(topic, device, count);
      feed(device);
    };

    const send = (message: unknown): void => socket.send(pack(message, zstd));

    socket.on("message", (data: RawData, isBinary) => {
      try {
        if (isBinary) received(toBytes(data));
        else if (session.state === "open") end(4002, "FRAME_REFUSED: text after the greeting");
        else greeted(toBytes(data));
      } catch (cause) {
        // A store that cannot write: nothing was acknowledged, the device keeps it and comes back.
        end(1011, `the server could not store it: ${cause instanceof Error ? cause.message : String(cause)}`);
      }
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(patience);
      if (session.state !== "open" || online.get(session.device as DeviceId) !== socket) return;
      online.delete(session.device as DeviceId);
      events.changed("devices", session.device as DeviceId, 1);
    });
  };

  /** Sends waiting proofs, some at a time; the device confirms each with a `held` frame, which calls this again. */
  const feed = (device: DeviceId): void => {
    const socket = online.get(device);
    if (socket === undefined || socket.bufferedAmount > edgeLimits.bufferedBytes) return;
    const sent = underWay.get(socket) ?? new Map<string, number>();
    underWay.set(socket, sent);
    const waiting = inventory.unheldProofs(device, edgeLimits.proofsUnderWay);
    const names = new Set(waiting.map(({ root, purl }) => `${root}\n${purl}`));
    for (const name of sent.keys()) if (!names.has(name)) sent.delete(name);
    for (const { root, purl, version } of waiting) {
      if ((sent.get(`${root}\n${purl}`) ?? 0) >= version) continue;
      const message = desk.message(device, root, purl, version);
      if (message === undefined) continue;
      sent.set(`${root}\n${purl}`, version);
      socket.send(pack(message, zstd));
    }
  };
  const underWay = new WeakMap<WebSocket, Map<string, number>>();

  http.on("upgrade", (request, socket, head) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    // A browser always sends Origin, an agent never: no web page can speak to this socket.
    if (path !== "/agent" || request.headers.origin !== undefined || sockets.clients.size >= edgeLimits.connections) {
      socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => serve(client, request.socket.remoteAddress ?? "unknown"));
  });

  return {
    get online() {
      return new Set<string>(online.keys());
    },
    feed,
    newToken(now) {
      const secret = newSecret();
      const expiresAt = now + edgeLimits.tokenMs;
      access.addToken(secret, expiresAt);
      return { token: formatToken({ secret, serverKeySha256: keyName(key.publicKey) }), expiresAt };
    },
    close() {
      for (const client of sockets.clients) client.close(1001, "the server is stopping");
      sockets.close();
    },
  };
}

function toBytes(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}

function jsonOrUndefined(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

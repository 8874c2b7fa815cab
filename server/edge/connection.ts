import type { DeviceId } from "@provost/shared/model/ids.ts";
import { FromAgent, limits } from "@provost/shared/protocol/frames.ts";
import { pack, unpack } from "@provost/shared/protocol/pack.ts";
import { readBatch } from "@provost/shared/protocol/read-batch.ts";
import type { RawData, WebSocket } from "ws";
import type { Accepted } from "../ingest/accept.ts";
import { zstd } from "./codec.ts";
import type { EdgeLimits } from "./limits.ts";
import { greet } from "./session.ts";
import type { EdgeSession, Gate } from "./session.ts";

/** What a connection needs of the edge. */
export interface Hall {
  readonly gate: Gate;
  readonly edgeLimits: EdgeLimits;
  opened(device: DeviceId, connection: Connection): void;
  accept(device: DeviceId, batch: Extract<ReturnType<typeof readBatch>, { ok: true }>["batch"]): Accepted;
  accepted(device: DeviceId, accepted: Extract<Accepted, { ok: true }>): void;
  ended(device: DeviceId | undefined, connection: Connection): void;
  refused(why: string): void;
}

export interface Connection {
  readonly socket: WebSocket;
  /** Says why and hears nothing more. */
  end(code: number, why: string): void;
}

/** One agent's socket. One malformed message ends it and nothing else. */
export function serveConnection(socket: WebSocket, hall: Hall): Connection {
  let session: EdgeSession = { state: "new" };
  let over = false;
  let alive = true;
  const patience = setTimeout(() => end(1008, "no greeting in time"), hall.edgeLimits.greetingMs);
  const pulse = setInterval(() => {
    if (!alive) return socket.terminate();
    alive = false;
    return socket.ping();
  }, hall.edgeLimits.pingMs);

  const end = (code: number, why: string): void => {
    if (over) return;
    over = true;
    hall.refused(why);
    socket.close(code, reasonText(why));
    // A peer that does not answer the close is cut off.
    setTimeout(() => socket.terminate(), hall.edgeLimits.closeMs).unref();
  };
  const connection: Connection = { socket, end };

  const greeted = (bytes: Uint8Array): void => {
    const parsed = bytes.byteLength > limits.greetingBytes ? undefined : FromAgent.safeParse(jsonOrUndefined(bytes));
    if (parsed?.success !== true) return end(4002, "FRAME_REFUSED: the greeting is malformed");
    const outcome = greet(session, parsed.data, hall.gate);
    if ("refuse" in outcome) {
      socket.send(JSON.stringify({ kind: "refused", ...outcome.refuse }));
      return end(4003, `${outcome.refuse.code}: ${outcome.refuse.why}`);
    }
    session = outcome.session;
    socket.send(JSON.stringify(outcome.say));
    if (session.state !== "open") return undefined;
    clearTimeout(patience);
    return hall.opened(session.device as DeviceId, connection);
  };

  const received = (bytes: Uint8Array): void => {
    if (session.state !== "open") return end(4002, "FRAME_REFUSED: data before the greeting");
    const unpacked = unpack(bytes, zstd);
    if (!unpacked.ok) return end(4002, `FRAME_REFUSED: ${unpacked.why}`);
    const read = readBatch(unpacked.value);
    if (!read.ok) return end(4002, `FRAME_REFUSED: ${read.why}`);
    const device = session.device as DeviceId;
    const accepted = hall.accept(device, read.batch);
    if (!accepted.ok) return send({ kind: "resync", why: accepted.why.slice(0, 400) });
    send({ kind: "ack", upTo: accepted.upTo, windowBytes: limits.windowBytes });
    return hall.accepted(device, accepted);
  };

  const send = (message: unknown): void => {
    if (socket.bufferedAmount > hall.edgeLimits.bufferedBytes)
      return end(1008, "the device sends and does not read its acknowledgements");
    return socket.send(pack(message, zstd));
  };

  socket.on("message", (data: RawData, isBinary) => {
    // What was under way when the connection was ended belongs to a session that is no more.
    if (over) return;
    try {
      if (isBinary) received(toBytes(data));
      else if (session.state === "open") end(4002, "FRAME_REFUSED: text after the greeting");
      else greeted(toBytes(data));
    } catch (cause) {
      // A store that cannot write: nothing was acknowledged, the device keeps it and comes back.
      end(1011, `the server could not store it: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  });
  socket.on("pong", () => {
    alive = true;
  });
  // A message beyond maxPayload or a torn connection: ws closes it by itself.
  socket.on("error", (cause) => hall.refused(cause.message));
  socket.on("close", () => {
    over = true;
    clearTimeout(patience);
    clearInterval(pulse);
    hall.ended(session.state === "open" ? (session.device as DeviceId) : undefined, connection);
  });
  return connection;
}

/** RFC 6455 5.5: a control frame holds 125 bytes, two of them the code. */
function reasonText(why: string): string {
  const bytes = Buffer.from(why);
  return bytes.length <= 123 ? why : new TextDecoder().decode(bytes.subarray(0, 120)).replace(/\ufffd$/, "");
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

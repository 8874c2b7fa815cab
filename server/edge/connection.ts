import { safeText } from "@provost/shared/lib/path-text.ts";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import { FromAgent, limits } from "@provost/shared/protocol/frames.ts";
import type { Batch, Frame } from "@provost/shared/protocol/frames.ts";
import { pack, unpack } from "@provost/shared/protocol/pack.ts";
import { readBatch } from "@provost/shared/protocol/read-batch.ts";
import type { RawData, WebSocket } from "ws";
import type { Ending } from "../gate/silence.ts";
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
  accept(device: DeviceId, batch: Batch): Accepted;
  accepted(device: DeviceId, accepted: Extract<Accepted, { ok: true }>): void;
  ended(device: DeviceId | undefined, connection: Connection, ending: Ending): void;
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
  let heardAt = Date.now();
  let unanswered = 0;
  let beat = 0;
  let endedHere = "";
  let saidStopped = false;
  const patience = setTimeout(() => end(1008, "no greeting in time"), hall.edgeLimits.greetingMs);
  // Looked at twice as often as it is asked: the last ping has half a pause to be answered.
  const pulse = setInterval(() => {
    beat += 1;
    if (unanswered >= hall.edgeLimits.missedPings) {
      endedHere ||= `${unanswered} pings were not answered`;
      return socket.terminate();
    }
    if (beat % 2 === 1) return undefined;
    unanswered += 1;
    return socket.ping();
  }, hall.edgeLimits.pingMs / 2);

  const end = (code: number, why: string): void => {
    if (over) return;
    over = true;
    endedHere ||= why;
    hall.refused(why);
    socket.close(code, reasonText(why));
    // A peer that does not answer the close is cut off.
    setTimeout(() => socket.terminate(), hall.edgeLimits.closeMs).unref();
  };
  const connection: Connection = { socket, end };
  const heard = (): void => {
    heardAt = Date.now();
    unanswered = 0;
  };

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
    saidStopped = saysStopped(read.batch, saidStopped);
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
    heard();
    try {
      if (isBinary) received(toBytes(data));
      else if (session.state === "open") end(4002, "FRAME_REFUSED: text after the greeting");
      else greeted(toBytes(data));
    } catch (cause) {
      // A store that cannot write: nothing was acknowledged, the device keeps it and comes back.
      end(1011, `the server could not store it: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  });
  socket.on("pong", heard);
  // A message beyond maxPayload or a torn connection: ws closes it by itself.
  socket.on("error", (cause) => hall.refused(cause.message));
  socket.on("close", (code: number, reason: Buffer) => {
    over = true;
    clearTimeout(patience);
    clearInterval(pulse);
    const closed = code === 1000 && endedHere === "";
    hall.ended(session.state === "open" ? (session.device as DeviceId) : undefined, connection, {
      heardAt,
      closed,
      asked: closed && saidStopped,
      why: endedHere === "" ? `${code} ${safeText(reason.toString())}`.trim() : endedHere,
    });
  });
  return connection;
}

/**
 * Whether the last news was that somebody with the right to do so stopped the device. An older word of a stop, which comes late, is
 * followed by what happened since; how the agent is and what runs is told at any time and says nothing about it.
 */
function saysStopped(batch: Batch, before: boolean): boolean {
  const last = batch.frames.findLast(({ kind }) => !passing.has(kind));
  if (last === undefined) return before;
  return last.kind === "alarms" && last.items.at(-1)?.kind === "stopped";
}

const passing: ReadonlySet<Frame["kind"]> = new Set(["health", "scan", "running", "lost", "held"]);

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

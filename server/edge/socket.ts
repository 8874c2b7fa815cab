import { randomBytes } from "node:crypto";
import type { IncomingMessage, Server } from "node:http";
import type { Observed } from "@provost/shared/model/observed.ts";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import { limits } from "@provost/shared/protocol/frames.ts";
import type { GateDecision } from "@provost/shared/protocol/frames.ts";
import { formatToken, parseToken } from "@provost/shared/protocol/greeting.ts";
import { olderSubprotocols, subprotocol } from "@provost/shared/protocol/version.ts";
import { WebSocketServer } from "ws";
import { acceptBatch } from "../ingest/accept.ts";
import type { Arrived, AttestedNotes, Topic } from "../ingest/accept.ts";
import { openSilence } from "../gate/silence.ts";
import { newSecret } from "../store/secret.ts";
import type { Store } from "../store/store.ts";
import type { Assessor } from "../trust/assessor.ts";
import type { ProofDesk } from "../trust/desk.ts";
import { serveConnection } from "./connection.ts";
import type { Connection, Hall } from "./connection.ts";
import { openFeed } from "./feed.ts";
import { keyName, signWith, verifyWith } from "./keys.ts";
import { edgeLimits as usual } from "./limits.ts";
import type { EdgeLimits } from "./limits.ts";
import type { Gate } from "./session.ts";

export interface Edge {
  readonly online: ReadonlySet<string>;
  /** A device has proofs waiting. */
  feed(device: DeviceId): void;
  /** Something every device is to have changed. */
  feedAll(): void;
  newToken(now: number): { readonly token: string; readonly expiresAt: number };
  close(): void;
}

export interface EdgeEvents {
  changed(topic: Topic, device: DeviceId, count: number): void;
  /** What a device saw, once it is stored. */
  observed(device: DeviceId, events: readonly Observed[]): void;
  /** What a device's gate kept from starting, once it is stored. */
  stopped(device: DeviceId, decisions: readonly GateDecision[]): void;
  /** Files and packages a device told of, once they are stored. */
  arrived(device: DeviceId, arrived: Arrived): void;
  refused(remote: string, why: string): void;
  /** Something of the edge's own did not work and will be tried again. */
  failed(why: string): void;
}

const spoken = [subprotocol, ...olderSubprotocols];

/** Takes agents in on `/agent`. */
export function openEdge(
  http: Server,
  store: Store,
  desk: ProofDesk,
  assessor: Assessor,
  events: EdgeEvents,
  certificate: () => string | undefined,
  overrides: Partial<EdgeLimits> = {},
): Edge {
  const edgeLimits = { ...usual, ...overrides };
  const { access, inventory } = store;
  const key = access.serverKey();
  const online = new Map<DeviceId, Connection>();
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: limits.packedBytes,
    // The newest that both speak; refusalOf has seen that there is one.
    handleProtocols: (offered) => spoken.find((name) => offered.has(name)) ?? false,
  });
  // A device whose clock is wrong can be told so (agent/link/probe.ts).
  sockets.on("headers", (headers) => headers.push(`Date: ${new Date().toUTCString()}`));
  const gate = { ...openGate(key, store), certificate };
  const send = openFeed(store, desk, assessor, edgeLimits, (device, what) =>
    events.refused(device, `what is known of ${what} is larger than a message may be; the device judges without it`),
  );
  const notes: AttestedNotes = {
    noteFiles: (device, files) => assessor.noteFiles(device, files),
    noteHeld: (device, subject, version) => store.attested.held(device, subject, version),
  };
  const silence = openSilence(
    store.gate,
    (device) => lastKnown(store, device),
    (device) => events.changed("findings", device, 1),
    edgeLimits,
  );
  let lastFailure = "";
  /** A store that cannot write ends nothing: it is said once, and tried again with the next look. */
  const notice = (work: () => void): void => {
    try {
      work();
      lastFailure = "";
    } catch (cause) {
      const why = `silence could not be noted: ${cause instanceof Error ? cause.message : String(cause)}`;
      if (why !== lastFailure) events.failed(why);
      lastFailure = why;
    }
  };
  const looks = setInterval(() => notice(() => silence.look(Date.now())), edgeLimits.lookMs);
  let closing = false;
  const feed = (device: DeviceId): void => {
    const connection = online.get(device);
    if (connection !== undefined) send(device, connection.socket);
  };

  const hallFor = (remote: string): Hall => ({
    gate,
    edgeLimits,
    opened(device, connection) {
      // The same identity twice is a copied image or a half-dead connection: the newer one stays.
      online.get(device)?.end(4004, "another session of this device took over");
      online.set(device, connection);
      inventory.seen(device, Date.now());
      silence.arrived(device, Date.now());
      events.changed("devices", device, 1);
      feed(device);
    },
    accept: (device, batch) => acceptBatch(device, batch, store, desk, Date.now(), notes, edgeLimits.events),
    accepted(device, { changes, observed, stopped, arrived }) {
      if (stopped.length > 0) events.stopped(device, stopped);
      if (observed.length > 0) events.observed(device, observed);
      if (arrived.files.length + arrived.packages.length > 0) events.arrived(device, arrived);
      for (const [topic, count] of changes) events.changed(topic, device, count);
      feed(device);
    },
    ended(device, connection, ending) {
      if (device === undefined || online.get(device) !== connection) return;
      online.delete(device);
      // It is this server that leaves: nothing is said of the device, and the store may be closed already.
      if (closing) return;
      notice(() => silence.ended(device, ending));
      events.changed("devices", device, 1);
    },
    refused: (why) => events.refused(remote, why),
  });

  http.on("upgrade", (request, socket, head) => {
    // Node hands the socket over bare: an error nobody listens to would end the process.
    socket.on("error", () => socket.destroy());
    const refusal = refusalOf(request, sockets.clients.size, edgeLimits);
    if (refusal !== undefined) return void socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\n\r\n`);
    return sockets.handleUpgrade(request, socket, head, (client) =>
      serveConnection(client, hallFor(request.socket.remoteAddress ?? "unknown")),
    );
  });

  return {
    get online() {
      return new Set<string>(online.keys());
    },
    feed,
    feedAll() {
      for (const device of online.keys()) feed(device);
    },
    newToken(now) {
      const secret = newSecret();
      const expiresAt = now + edgeLimits.tokenMs;
      access.addToken(secret, expiresAt);
      return { token: formatToken({ secret, serverKeySha256: keyName(key.publicKey) }), expiresAt };
    },
    close() {
      closing = true;
      clearInterval(looks);
      for (const client of sockets.clients) client.close(1001, "the server is stopping");
      sockets.close();
    },
  };
}

function lastKnown({ read }: Store, device: DeviceId): Readonly<Record<string, string>> {
  const known = read.device(device, new Set());
  return known === undefined
    ? {}
    : { "mode then": known.mode, "tier then": known.tier, "agent then": known.health.agentVersion };
}

function openGate(key: ReturnType<Store["access"]["serverKey"]>, { access, inventory, audit }: Store): Gate {
  /** The very device that used the token may say it again: its welcome may have been lost with the server or the network. */
  const enrolledBefore = (secret: string, request: { deviceKey: string; epoch: string }): string | undefined => {
    const known = inventory.device(access.tokenUser(secret, Date.now()) ?? "");
    if (known === undefined || known.publicKey !== request.deviceKey) return undefined;
    inventory.startEpoch(known.id, request.epoch);
    return known.id;
  };
  return {
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
        if (!access.takeToken(token.secret, id, Date.now())) return enrolledBefore(token.secret, request);
        inventory.addDevice({ id, name: request.name, publicKey: request.deviceKey, epoch: request.epoch }, Date.now());
        audit.append({
          at: Date.now(),
          kind: "device",
          by: id,
          says: `Enrolled with a token, as ${request.name}`,
          facts: { key: keyName(request.deviceKey) },
        });
        return id;
      });
    },
    tokenFault(text) {
      const token = parseToken(text);
      return token === undefined ? "unknown" : access.tokenFault(token.secret, Date.now());
    },
    device: (id) => inventory.device(id),
    newEpoch: (device, epoch) => inventory.transaction(() => inventory.startEpoch(device as DeviceId, epoch)),
  };
}

function refusalOf(request: IncomingMessage, connections: number, edgeLimits: EdgeLimits): string | undefined {
  // A browser always sends Origin, an agent never: no web page can speak to this socket.
  if (request.url?.split("?")[0] !== "/agent" || request.headers.origin !== undefined) return "404 Not Found";
  if (connections >= edgeLimits.connections) return "503 Service Unavailable";
  const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
  return spoken.some((name) => offered.includes(name)) ? undefined : "400 Bad Request";
}

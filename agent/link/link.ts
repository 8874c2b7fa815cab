import { randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import type { RawData } from "ws";
import { parseToken } from "@provost/shared/protocol/greeting.ts";
import { FromServer, ServerMessage } from "@provost/shared/protocol/server-messages.ts";
import type {
  AttestedMessage,
  CommandMessage,
  PolicyMessage,
  ProofMessage,
  TriageMessage,
  TrustMessage,
} from "@provost/shared/protocol/frames.ts";
import { safeText } from "@provost/shared/lib/path-text.ts";
import { limits } from "@provost/shared/protocol/limits.ts";
import { pack, unpack } from "@provost/shared/protocol/pack.ts";
import { productVersion, subprotocol } from "@provost/shared/protocol/version.ts";
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { State } from "../state/state.ts";
import { readMeta, writeMeta } from "../state/state.ts";
import { agreesWith, commit, lease, mustRetell, startEpoch } from "../spool/spool.ts";
import { backoff } from "./backoff.ts";
import { zstd } from "./codec.ts";
import { keyName, makeKeyPair, publicKeyOf, signWith, verifyWith } from "./keys.ts";
import { throughProxy } from "./proxy.ts";
import { lookUpOrRemember, rememberAddress } from "./remembered-address.ts";
import { next } from "./session.ts";
import type { Effect, Identity, Input, Session } from "./session.ts";
import { shownCertificate } from "./shown-certificate.ts";

export interface LinkEvents {
  /** The session is open; `device` is the server's name for this device. */
  opened(device: string): void;
  /** Everything that was spooled is stored at the server. */
  drained(): void;
  proof(message: ProofMessage): void;
  attested(message: AttestedMessage): void;
  trust(message: TrustMessage): void;
  /** What the server says of its policy, as it was signed. */
  policy(message: PolicyMessage): void;
  /** An order, as it was signed. */
  command(message: CommandMessage): void;
  /** What became of something this device collected. */
  triage(message: TriageMessage): void;
  /** A new epoch began: the caller appends everything it knows to the spool. */
  retell(): void;
  /** The connection ended. `final`: trying again will not help until a person acts. */
  lost(why: string, final: boolean): void;
}

export interface Link {
  /** Something was appended to the spool. */
  spooled(): void;
  close(): void;
}

const theClose = "the connection closed";

/** Keeps one session with the server until closed. All knowledge is in the spool: a broken connection loses nothing. */
export function openLink(
  state: State,
  server: { url: string; name: string; token?: string; proxy?: URL },
  events: LinkEvents,
): Link {
  const token = server.token === undefined ? undefined : parseToken(server.token);
  const privateKey = devicePrivateKey(state);
  let session: Session = { state: "idle", attempt: 0 };
  let socket: WebSocket | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let lastWhy = theClose;
  let lastFinal = false;
  let sessionEpoch: string | undefined;
  let certificate: string | undefined;
  let reached: string | undefined;

  const me = (): Identity => ({
    deviceKey: publicKeyOf(privateKey),
    device: readMeta(state, "device"),
    pinnedServerKey: readMeta(state, "server-key"),
    token:
      token === undefined || server.token === undefined
        ? undefined
        : { text: server.token, serverKeySha256: token.serverKeySha256 },
    ...(certificate === undefined ? {} : { certificate }),
    sign: (bytes) => signWith(privateKey, bytes),
    verify: (bytes, signature, key) => verifyWith(key, bytes, signature),
    sha256: keyName,
  });

  const feed = (input: Input): void => {
    const [moved, effects] = next(session, input, me());
    session = moved;
    for (const effect of effects) {
      perform(effect);
      if (session !== moved) break;
    }
  };

  const perform = (effect: Effect): void => {
    switch (effect.do) {
      case "connect":
        return connect(effect.nonce);
      case "enrol":
        // A server that does not know this device knows nothing this spool has already delivered elsewhere.
        beginAgain();
        sessionEpoch = readMeta(state, "epoch");
        return say({
          kind: "enrol",
          token: effect.token,
          deviceKey: publicKeyOf(privateKey),
          name: server.name,
          epoch: readMeta(state, "epoch") ?? "",
          signature: effect.signature,
        });
      case "resume":
        sessionEpoch = readMeta(state, "epoch");
        return say({
          kind: "resume",
          device: readMeta(state, "device"),
          epoch: readMeta(state, "epoch"),
          signature: effect.signature,
        });
      case "remember":
        return remember(effect);
      case "send":
        return isCurrent() ? sendFrom(effect.after, effect.maxBytes) : leave("the spool was full and began again");
      case "commit":
        if (!isCurrent()) return leave("the spool was full and began again");
        commit(state, effect.upTo);
        return drainedCheck(effect.upTo);
      case "close":
        lastWhy = effect.why;
        lastFinal = effect.final;
        return socket?.close(4000, "refused");
      case "wait":
        return wait(effect.attempt);
      default:
        return unreachable(effect);
    }
  };

  /** A scan in another process may have filled the spool: numbers of the old epoch mean nothing any more. */
  const isCurrent = (): boolean => readMeta(state, "epoch") === sessionEpoch;
  const leave = (why: string): void => {
    session = { state: "idle", attempt: 0 };
    lastWhy = why;
    socket?.close(4001, "new epoch");
  };

  const say = (message: unknown): void => socket?.send(JSON.stringify(message));

  const connect = (nonce: string): void => {
    lastWhy = theClose;
    lastFinal = false;
    certificate = undefined;
    socket = new WebSocket(server.url, subprotocol, {
      perMessageDeflate: false,
      maxPayload: limits.packedBytes,
      handshakeTimeout: 10_000,
      // Nothing is believed because of who issued the certificate: the server's own key, which the token names, signs in its
      // challenge which certificate it is (shared/protocol/greeting.ts). That also holds for a certificate of the server's own making.
      rejectUnauthorized: false,
      // Else a hundred and fifty authorities that nobody asks are read and held: some megabytes.
      ca: [],
      lookup: lookUpOrRemember(state),
      ...(server.proxy === undefined ? {} : { createConnection: throughProxy(server.proxy, lookUpOrRemember(state)) }),
    });
    socket.on("upgrade", ({ socket: wire }) => {
      certificate = shownCertificate(wire);
      reached = wire.remoteAddress;
    });
    socket.on("open", () => say({ kind: "hello", nonce, version: productVersion }));
    socket.on("message", received);
    socket.on("error", (cause) => {
      lastWhy = `SERVER_UNREACHABLE: ${cause.message}`;
    });
    socket.on("close", (code: number, reason: Buffer) => {
      socket = undefined;
      if (closed) return;
      // The server's own words, where it gave some; they are a stranger's text on their way to a terminal.
      if (lastWhy === theClose && reason.length > 0) lastWhy = `${theClose}: ${safeText(reason.toString())} (${code})`;
      events.lost(lastWhy, lastFinal);
      feed({ kind: "closed" });
    });
  };

  const received = (data: RawData, isBinary: boolean): void => {
    const bytes = toBytes(data);
    if (!isBinary) return greeted(bytes);
    const unpacked = unpack(bytes, zstd);
    const parsed = unpacked.ok ? ServerMessage.safeParse(unpacked.value) : undefined;
    if (parsed?.success !== true) {
      lastWhy = `FRAME_REFUSED: ${unpacked.ok ? "the server sent an unknown message" : unpacked.why}`;
      return socket?.close(4002, "malformed");
    }
    const message = parsed.data;
    switch (message.kind) {
      case "ack":
        return feed(message);
      case "proof":
        return events.proof(message);
      case "attested":
        return events.attested(message);
      case "trust":
        return events.trust(message);
      case "policy":
        return events.policy(message);
      case "command":
        return events.command(message);
      case "triage":
        return events.triage(message);
      case "resync":
        beginAgain();
        lastWhy = `the server asked for everything again: ${message.why}`;
        return socket?.close(4001, "resync");
      default:
        return unreachable(message);
    }
  };

  const greeted = (bytes: Uint8Array): void => {
    const parsed = FromServer.safeParse(jsonOrUndefined(bytes));
    if (parsed.success) return feed(parsed.data);
    lastWhy = "FRAME_REFUSED: the server's greeting is malformed";
    return socket?.close(4002, "malformed");
  };

  const remember = (effect: Extract<Effect, { do: "remember" }>): void => {
    state
      .transaction(() => {
        writeMeta(state, "device", effect.device);
        writeMeta(state, "server-key", effect.serverKey);
        writeMeta(state, "server-url", server.url);
        rememberAddress(state, reached);
      })
      .immediate();
    if (agreesWith(state, effect.acknowledged) && !mustRetell(state)) return events.opened(effect.device);
    beginAgain();
    // Nothing more of this greeting may be carried out: its numbers belong to the old epoch.
    return leave("what the server holds and what was sent to it do not agree; telling everything again");
  };

  const beginAgain = (): void =>
    state
      .transaction(() => {
        startEpoch(state);
        events.retell();
      })
      .immediate();

  const sendFrom = (after: number, maxBytes: number): void => {
    const leased = lease(state, after, Math.min(maxBytes, limits.unpackedBytes / 8));
    if (leased === undefined) return;
    socket?.send(
      pack({ kind: "batch", first: leased.first, skipped: leased.first - after - 1, frames: leased.frames }, zstd),
    );
    feed({ kind: "sent", last: leased.last, bytes: leased.bytes });
  };

  const drainedCheck = (upTo: number): void => {
    if (session.state === "open" && session.underWay.length === 0 && lease(state, upTo) === undefined) events.drained();
  };

  const wait = (attempt: number): void => {
    timer = setTimeout(dial, backoff(attempt, Math.random()));
  };
  const dial = (): void => feed({ kind: "dial", nonce: randomBytes(32).toString("base64") });

  dial();
  return {
    spooled: () => feed({ kind: "spooled" }),
    close: () => {
      closed = true;
      clearTimeout(timer);
      socket?.close(1000, "stopping");
    },
  };
}

/** The device's own key is made here and never leaves; the server learns its public half at enrolment. */
function devicePrivateKey(state: State): string {
  const known = readMeta(state, "device-key");
  if (known !== undefined) return known;
  const made = makeKeyPair().privateKey;
  writeMeta(state, "device-key", made);
  return made;
}

function toBytes(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}

function jsonOrUndefined(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

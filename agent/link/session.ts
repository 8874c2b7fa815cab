import { limits } from "@provost/shared/protocol/limits.ts";
import { signedBytes } from "@provost/shared/protocol/greeting.ts";
import { unreachable } from "@provost/shared/lib/unreachable.ts";

/** The whole life of the connection to the server. docs/architecture.md draws it. */
export type Session =
  | { readonly state: "idle"; readonly attempt: number }
  | { readonly state: "greeting"; readonly attempt: number; readonly nonce: string }
  | {
      readonly state: "proving";
      readonly attempt: number;
      readonly nonce: string;
      readonly serverNonce: string;
      readonly serverKey: string;
    }
  | Open;

interface Open {
  readonly state: "open";
  readonly device: string;
  readonly sentUpTo: number;
  readonly acknowledged: number;
  readonly windowBytes: number;
  /** Sent and not yet acknowledged, oldest first. */
  readonly underWay: readonly { readonly last: number; readonly bytes: number }[];
}

export type Input =
  | { readonly kind: "dial"; readonly nonce: string }
  | { readonly kind: "challenge"; readonly nonce: string; readonly serverKey: string; readonly signature: string }
  | {
      readonly kind: "welcome";
      readonly device: string;
      readonly acknowledged: number;
      readonly windowBytes: number;
      readonly signature: string;
    }
  | { readonly kind: "refused"; readonly code: string; readonly why: string }
  | { readonly kind: "sent"; readonly last: number; readonly bytes: number }
  | { readonly kind: "ack"; readonly upTo: number; readonly windowBytes: number }
  | { readonly kind: "spooled" }
  | { readonly kind: "closed" };

export type Effect =
  | { readonly do: "connect"; readonly nonce: string }
  | { readonly do: "enrol"; readonly signature: string; readonly serverKey: string; readonly token: string }
  | { readonly do: "resume"; readonly signature: string }
  | { readonly do: "remember"; readonly device: string; readonly serverKey: string; readonly acknowledged: number }
  | { readonly do: "send"; readonly after: number; readonly maxBytes: number }
  | { readonly do: "commit"; readonly upTo: number }
  | { readonly do: "close"; readonly why: string; readonly final: boolean }
  | { readonly do: "wait"; readonly attempt: number };

/** What this agent knows of itself and its server. Ed25519 is deterministic, so `sign` is as pure as the rest. */
export interface Identity {
  readonly deviceKey: string;
  readonly device: string | undefined;
  readonly pinnedServerKey: string | undefined;
  readonly token: { readonly text: string; readonly serverKeySha256: string } | undefined;
  /** With TLS: SHA-256 of the certificate that this connection was shown. */
  readonly certificate?: string;
  sign(bytes: Uint8Array): string;
  verify(bytes: Uint8Array, signature: string, key: string): boolean;
  sha256(key: string): string;
}

export type Next = readonly [Session, readonly Effect[]];

export function next(session: Session, input: Input, me: Identity): Next {
  switch (input.kind) {
    case "dial":
      return session.state === "idle"
        ? [{ state: "greeting", attempt: session.attempt, nonce: input.nonce }, [{ do: "connect", nonce: input.nonce }]]
        : [session, []];
    case "challenge":
      return session.state === "greeting" ? answer(session, input, me) : protocolError(session, "an unasked challenge");
    case "welcome":
      return session.state === "proving" ? open(session, input, me) : protocolError(session, "an unasked welcome");
    case "refused":
      return [session, [{ do: "close", why: `${input.code}: ${input.why}`, final: finalCodes.has(input.code) }]];
    case "sent":
      return session.state === "open" ? afterSent(session, input) : [session, []];
    case "ack":
      return session.state === "open" ? afterAck(session, input) : protocolError(session, "an unasked ack");
    case "spooled":
      return session.state === "open" ? [session, send(session)] : [session, []];
    case "closed":
      return afterClosed(session);
    default:
      return unreachable(input);
  }
}

/** Trying again will not help until a person acts. */
const finalCodes = new Set(["ENROL_REFUSED", "SERVER_NOT_TRUSTED"]);

type Greeting = Extract<Session, { state: "greeting" }>;
type Proving = Extract<Session, { state: "proving" }>;

function answer(session: Greeting, input: Extract<Input, { kind: "challenge" }>, me: Identity): Next {
  const statement = { purpose: "provost challenge v1", agentNonce: session.nonce, serverNonce: input.nonce } as const;
  const shown = me.certificate === undefined ? {} : { certificate: me.certificate };
  if (!me.verify(signedBytes({ ...statement, ...shown }), input.signature, input.serverKey))
    return distrust(
      session,
      me.certificate === undefined
        ? "the server's challenge is not signed by the key it shows"
        : `the server did not sign the certificate that this connection was shown (SHA-256 ${me.certificate.slice(0, 16)}…): something in between ends TLS, or the server does not know the certificate of the proxy before it`,
    );
  const known = me.pinnedServerKey === input.serverKey && me.device !== undefined;
  const named = me.token !== undefined && me.token.serverKeySha256 === me.sha256(input.serverKey);
  if (!known && !named) return distrust(session, strangerWhy(me));
  const proving = {
    state: "proving",
    attempt: session.attempt,
    nonce: session.nonce,
    serverNonce: input.nonce,
    serverKey: input.serverKey,
  } as const;
  const both = { agentNonce: session.nonce, serverNonce: input.nonce, serverKey: input.serverKey };
  if (known && me.device !== undefined) {
    const signature = me.sign(signedBytes({ purpose: "provost resume v1", ...both, device: me.device }));
    return [proving, [{ do: "resume", signature }]];
  }
  const token = me.token?.text ?? "";
  const signature = me.sign(signedBytes({ purpose: "provost enrol v1", ...both, deviceKey: me.deviceKey, token }));
  return [proving, [{ do: "enrol", signature, serverKey: input.serverKey, token }]];
}

const strangerWhy = (me: Identity): string =>
  me.pinnedServerKey !== undefined
    ? "the server's key changed since this device was enrolled"
    : me.token === undefined
      ? "this device has no enrolment token, and it knows no server"
      : "the server's key is not the one the enrolment token names";

const distrust = (session: Session, why: string): Next => [
  session,
  [{ do: "close", why: `SERVER_NOT_TRUSTED: ${why}`, final: true }],
];

function open(session: Proving, input: Extract<Input, { kind: "welcome" }>, me: Identity): Next {
  const statement = {
    purpose: "provost welcome v1",
    agentNonce: session.nonce,
    serverNonce: session.serverNonce,
    device: input.device,
    acknowledged: input.acknowledged,
  } as const;
  if (!me.verify(signedBytes(statement), input.signature, session.serverKey))
    return distrust(session, "the server's welcome is not signed by its key");
  const opened: Open = {
    state: "open",
    device: input.device,
    sentUpTo: input.acknowledged,
    acknowledged: input.acknowledged,
    windowBytes: granted(input.windowBytes),
    underWay: [],
  };
  return [
    opened,
    [
      { do: "remember", device: input.device, serverKey: session.serverKey, acknowledged: input.acknowledged },
      { do: "commit", upTo: input.acknowledged },
      ...send(opened),
    ],
  ];
}

function afterSent(session: Open, sent: { readonly last: number; readonly bytes: number }): Next {
  const moved: Open = {
    ...session,
    sentUpTo: sent.last,
    underWay: [...session.underWay, { last: sent.last, bytes: sent.bytes }],
  };
  return [moved, send(moved)];
}

function afterAck(session: Open, ack: { readonly upTo: number; readonly windowBytes: number }): Next {
  if (ack.upTo > session.sentUpTo)
    return protocolError(session, `an acknowledgement of ${ack.upTo}, sent only up to ${session.sentUpTo}`);
  const moved: Open = {
    ...session,
    acknowledged: Math.max(session.acknowledged, ack.upTo),
    windowBytes: granted(ack.windowBytes),
    underWay: session.underWay.filter((batch) => batch.last > ack.upTo),
  };
  return [moved, [{ do: "commit", upTo: moved.acknowledged }, ...send(moved)]];
}

/** What is under way lies in this process's memory: no server may ask for more than the protocol's limit. */
const granted = (windowBytes: number): number => Math.min(windowBytes, limits.windowBytes);

/** As far as the server granted, and never a second batch beyond the window. */
function send(session: Open): readonly Effect[] {
  const used = session.underWay.reduce((sum, batch) => sum + batch.bytes, 0);
  const free = session.windowBytes - used;
  return free > 0 ? [{ do: "send", after: session.sentUpTo, maxBytes: free }] : [];
}

function afterClosed(session: Session): Next {
  const attempt = session.state === "open" ? 0 : session.attempt;
  return [{ state: "idle", attempt: attempt + 1 }, [{ do: "wait", attempt }]];
}

const protocolError = (session: Session, what: string): Next => [
  session,
  [{ do: "close", why: `FRAME_REFUSED: the server sent ${what}`, final: false }],
];

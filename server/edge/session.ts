import { signedBytes } from "@provost/shared/protocol/greeting.ts";
import type { AskToken, Enrol, Hello, Resume } from "@provost/shared/protocol/frames.ts";
import type { infer as Infer } from "zod";
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { TokenFault } from "../store/store.ts";

/** How far one connection has come. Nothing but a greeting is read before `open`. */
export type EdgeSession =
  | { readonly state: "new" }
  | { readonly state: "challenged"; readonly agentNonce: string; readonly serverNonce: string }
  | { readonly state: "open"; readonly device: string };

export type Greeting = Infer<typeof Hello> | Infer<typeof AskToken> | Infer<typeof Enrol> | Infer<typeof Resume>;

/** What the session needs to know and may do. `enrol` takes the token: it succeeds at most once. */
export interface Gate {
  readonly serverKey: string;
  /** With TLS: SHA-256 of the certificate that agents are shown. */
  certificate?(): string | undefined;
  nonce(): string;
  sign(bytes: Uint8Array): string;
  verify(publicKey: string, bytes: Uint8Array, signature: string): boolean;
  enrol(request: {
    readonly token: string;
    readonly deviceKey: string;
    readonly name: string;
    readonly epoch: string;
  }): string | undefined;
  /** Why `enrol` would not take it; undefined: it would. */
  tokenFault(token: string): TokenFault | undefined;
  device(id: string): { readonly publicKey: string; readonly epoch: string; readonly acknowledged: number } | undefined;
  newEpoch(device: string, epoch: string): void;
  readonly windowBytes: number;
}

export type Outcome =
  | { readonly session: EdgeSession; readonly say: unknown }
  | { readonly refuse: { readonly code: string; readonly why: string } };

export function greet(session: EdgeSession, message: Greeting, gate: Gate): Outcome {
  switch (message.kind) {
    case "hello":
      return session.state === "new" ? challenge(message.nonce, gate) : refuse("FRAME_REFUSED", "a second hello");
    case "token":
      return session.state === "challenged"
        ? tokenAnswer(session, message.token, gate)
        : refuse("FRAME_REFUSED", "token before hello");
    case "enrol":
      return session.state === "challenged"
        ? enrol(session, message, gate)
        : refuse("FRAME_REFUSED", "enrol before hello");
    case "resume":
      return session.state === "challenged"
        ? resume(session, message, gate)
        : refuse("FRAME_REFUSED", "resume before hello");
    default:
      return unreachable(message);
  }
}

type Challenged = Extract<EdgeSession, { state: "challenged" }>;

function challenge(agentNonce: string, gate: Gate): Outcome {
  const serverNonce = gate.nonce();
  const certificate = gate.certificate?.();
  const shown = certificate === undefined ? {} : { certificate };
  const signature = gate.sign(signedBytes({ purpose: "provost challenge v1", agentNonce, serverNonce, ...shown }));
  return {
    session: { state: "challenged", agentNonce, serverNonce },
    say: { kind: "challenge", nonce: serverNonce, serverKey: gate.serverKey, signature },
  };
}

function enrol(session: Challenged, message: Infer<typeof Enrol>, gate: Gate): Outcome {
  const { deviceKey, token } = message;
  const { agentNonce, serverNonce } = session;
  const statement = signedBytes({
    purpose: "provost enrol v1",
    agentNonce,
    serverNonce,
    serverKey: gate.serverKey,
    deviceKey,
    token,
  });
  // The device proves that it holds the key before its token is used up.
  if (!gate.verify(deviceKey, statement, message.signature))
    return refuse("ENROL_REFUSED", "the device's signature does not verify");
  const device = gate.enrol({ token, deviceKey, name: message.name, epoch: message.epoch });
  return device === undefined ? refuseToken(gate.tokenFault(token) ?? "unknown") : welcome(session, device, 0, gate);
}

/** Before anything is set up on a device: would this token be taken? It is not used up. */
function tokenAnswer(session: Challenged, token: string, gate: Gate): Outcome {
  const fault = gate.tokenFault(token);
  return fault === undefined ? { session, say: { kind: "valid" } } : refuseToken(fault);
}

const refuseToken = (fault: TokenFault): Outcome =>
  refuse(
    "ENROL_REFUSED",
    `the enrolment token ${faults[fault]}; ask for a new one in the console under Devices, Add device`,
  );

const faults: Readonly<Record<TokenFault, string>> = {
  used: "was used before",
  expired: "has expired",
  unknown: "is not one of this server's",
};

function resume(session: Challenged, message: Infer<typeof Resume>, gate: Gate): Outcome {
  const known = gate.device(message.device);
  const { agentNonce, serverNonce } = session;
  const statement = signedBytes({
    purpose: "provost resume v1",
    agentNonce,
    serverNonce,
    serverKey: gate.serverKey,
    device: message.device,
  });
  if (known === undefined || !gate.verify(known.publicKey, statement, message.signature))
    return refuse("SESSION_REFUSED", "this device is not enrolled here, or its key is another one");
  if (known.epoch === message.epoch) return welcome(session, message.device, known.acknowledged, gate);
  gate.newEpoch(message.device, message.epoch);
  return welcome(session, message.device, 0, gate);
}

function welcome(session: Challenged, device: string, acknowledged: number, gate: Gate): Outcome {
  const { agentNonce, serverNonce } = session;
  const signature = gate.sign(
    signedBytes({ purpose: "provost welcome v1", agentNonce, serverNonce, device, acknowledged }),
  );
  return {
    session: { state: "open", device },
    say: { kind: "welcome", device, acknowledged, windowBytes: gate.windowBytes, signature },
  };
}

const refuse = (code: string, why: string): Outcome => ({ refuse: { code, why } });

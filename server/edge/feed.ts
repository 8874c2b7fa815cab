import type { DeviceId } from "@provost/shared/model/ids.ts";
import { limits } from "@provost/shared/protocol/frames.ts";
import { pack } from "@provost/shared/protocol/pack.ts";
import { subprotocol } from "@provost/shared/protocol/version.ts";
import type { WebSocket } from "ws";
import type { Store } from "../store/store.ts";
import type { Assessor } from "../trust/assessor.ts";
import type { ProofDesk } from "../trust/desk.ts";
import { zstd } from "./codec.ts";
import type { EdgeLimits } from "./limits.ts";

/** Sends waiting proofs, some at a time; the device confirms each with a `held` frame, after which the next ones go. */
export function openFeed(
  {
    inventory,
    attested,
    trust,
    commands,
    policies,
    triage,
  }: Pick<Store, "inventory" | "attested" | "trust" | "commands" | "policies" | "triage">,
  desk: ProofDesk,
  assessor: Pick<Assessor, "message">,
  edgeLimits: EdgeLimits,
  tooLarge: (device: DeviceId, what: string) => void,
): (device: DeviceId, socket: WebSocket) => void {
  const underWay = new WeakMap<WebSocket, Map<string, number>>();
  const attestedUnderWay = new WeakMap<WebSocket, Map<string, number>>();
  const commandsSent = new WeakMap<WebSocket, Set<string>>();
  const policySent = new WeakMap<WebSocket, number>();
  const answersSent = new WeakMap<WebSocket, Set<string>>();
  const trustSent = new WeakMap<WebSocket, string>();

  /** Once in each session and after each change; the device keeps it by its version, so once too often does no harm. */
  const sendTrust = (device: DeviceId, socket: WebSocket): void => {
    const current = trust.current();
    if (current === undefined || trustSent.get(socket) === current.version) return;
    trustSent.set(socket, current.version);
    const packed = pack({ kind: "trust", version: current.version, document: current.document }, zstd);
    if (packed.byteLength <= limits.packedBytes) socket.send(packed);
    else tooLarge(device, "the trust document");
  };

  /** Once in each session and after each change; the device takes no issue twice. */
  const sendPolicy = (device: DeviceId, socket: WebSocket): void => {
    const current = policies.issue();
    if (current === undefined || policySent.get(socket) === current.issue || socket.protocol !== subprotocol) return;
    policySent.set(socket, current.issue);
    const { body, signature } = current;
    const packed = pack({ kind: "policy", body, signature }, zstd);
    if (packed.byteLength <= limits.packedBytes) socket.send(packed);
    else tooLarge(device, "the policy");
  };

  /** Each once in a session: a device that was given one and says nothing gets it again when it comes back. */
  const sendCommands = (device: DeviceId, socket: WebSocket): void => {
    if (socket.protocol !== subprotocol) return;
    const sent = commandsSent.get(socket) ?? new Set<string>();
    commandsSent.set(socket, sent);
    for (const { body, signature } of commands.waiting(device, Date.now())) {
      if (sent.has(signature)) continue;
      sent.add(signature);
      socket.send(pack({ kind: "command", body, signature }, zstd));
    }
  };

  /** Each once in a session: a device that missed it asks nothing and is told again when it comes back. */
  const sendAnswers = (device: DeviceId, socket: WebSocket): void => {
    if (socket.protocol !== subprotocol) return;
    const sent = answersSent.get(socket) ?? new Set<string>();
    answersSent.set(socket, sent);
    for (const { command, sha256, state, why } of triage.answers(device)) {
      if (sent.has(command)) continue;
      sent.add(command);
      const kept = state === "kept";
      socket.send(
        pack({ kind: "triage", command, sha256, kept, ...(why === undefined ? {} : { why: why.slice(0, 400) }) }, zstd),
      );
    }
  };

  const sendAttested = (device: DeviceId, socket: WebSocket): void => {
    const sent = attestedUnderWay.get(socket) ?? new Map<string, number>();
    attestedUnderWay.set(socket, sent);
    const waiting = attested.unheld(device, edgeLimits.proofsUnderWay);
    const names = new Set<string>(waiting.map(({ subject }) => subject));
    for (const name of sent.keys()) if (!names.has(name)) sent.delete(name);
    for (const { subject, version } of waiting) {
      if ((sent.get(subject) ?? 0) >= version) continue;
      sent.set(subject, version);
      const message = assessor.message(subject, version);
      const whole = pack(message, zstd);
      // The verdict has to arrive; the documents behind it can be had from the server.
      const packed = whole.byteLength <= limits.packedBytes ? whole : pack({ ...message, documents: [] }, zstd);
      if (packed.byteLength <= limits.packedBytes) socket.send(packed);
      else tooLarge(device, subject);
    }
  };

  return (device, socket) => {
    // First: what an order allows or seals is meant under the policy that holds.
    sendPolicy(device, socket);
    sendCommands(device, socket);
    sendAnswers(device, socket);
    if (socket.bufferedAmount > edgeLimits.bufferedBytes) return;
    sendTrust(device, socket);
    sendAttested(device, socket);
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
      const packed = pack(message, zstd);
      if (packed.byteLength <= limits.packedBytes) socket.send(packed);
      else {
        // Cut short it would make the missing files look forged. The server's own verdicts need no message.
        inventory.heldProof(device, root, purl, version);
        tooLarge(device, purl);
      }
    }
  };
}

import type { DeviceId } from "@provost/shared/model/ids.ts";
import { limits } from "@provost/shared/protocol/frames.ts";
import { pack } from "@provost/shared/protocol/pack.ts";
import type { WebSocket } from "ws";
import type { Inventory } from "../store/store.ts";
import type { ProofDesk } from "../trust/desk.ts";
import { zstd } from "./codec.ts";
import type { EdgeLimits } from "./limits.ts";

/** Sends waiting proofs, some at a time; the device confirms each with a `held` frame, after which the next ones go. */
export function openFeed(
  inventory: Inventory,
  desk: ProofDesk,
  edgeLimits: EdgeLimits,
  tooLarge: (device: DeviceId, purl: string) => void,
): (device: DeviceId, socket: WebSocket) => void {
  const underWay = new WeakMap<WebSocket, Map<string, number>>();
  return (device, socket) => {
    if (socket.bufferedAmount > edgeLimits.bufferedBytes) return;
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

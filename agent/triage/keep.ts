import { hash } from "node:crypto";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import { limits } from "@provost/shared/protocol/limits.ts";
import { append } from "../spool/spool.ts";
import type { State } from "../state/state.ts";

/** What the server said of a bundle. `waiting`: nothing yet. */
export interface KeptBundle {
  readonly sha256: Sha256;
  readonly bytes: number;
  readonly at: number;
  readonly answer: "waiting" | "kept" | "refused";
  readonly why: string | null;
}

/** More of it waits to be told than this: the gate's own decisions must not be pushed out by it. */
const mostWaitingBytes = 64 * 1024 * 1024;
const keptMs = 90 * 86_400_000;

/** In one transaction: what was collected is known, and every piece of it waits to be told. Asked again it changes nothing. */
export function keepBundle(state: State, command: string, packed: Uint8Array, now: number): KeptBundle {
  const sha256 = hash("sha256", packed, "hex") as Sha256;
  return state
    .transaction(() => {
      const known = bundleOf(state, command);
      if (known !== undefined) return known;
      const waiting =
        state.prepare<[], number | null>("SELECT sum(bytes) FROM spool WHERE kind = 'triage'").pluck().get() ?? 0;
      if (waiting + packed.length * 1.4 > mostWaitingBytes)
        throw new AppError("LIMIT", `${waiting} bytes of earlier bundles wait to be told already`);
      state.prepare("DELETE FROM triage WHERE at < ?").run(now - keptMs);
      state
        .prepare("INSERT INTO triage (command, sha256, bytes, at, answer) VALUES (?, ?, ?, ?, 'waiting')")
        .run(command, sha256, packed.length, now);
      for (const [piece, data] of piecesOf(packed).entries())
        append(state, {
          kind: "triage",
          command,
          sha256,
          bytes: packed.length,
          piece,
          pieces: Math.max(1, Math.ceil(packed.length / pieceBytes)),
          data,
        });
      return { sha256, bytes: packed.length, at: now, answer: "waiting" as const, why: null };
    })
    .immediate();
}

/** Three bytes are four characters of base64. */
const pieceBytes = (limits.triagePieceCharacters / 4) * 3;

const piecesOf = (packed: Uint8Array): readonly string[] =>
  Array.from({ length: Math.max(1, Math.ceil(packed.length / pieceBytes)) }, (_unused, at) =>
    Buffer.from(packed.subarray(at * pieceBytes, (at + 1) * pieceBytes)).toString("base64"),
  );

export const bundleOf = (state: State, command: string): KeptBundle | undefined =>
  state
    .prepare<[string], KeptBundle>("SELECT sha256, bytes, at, answer, why FROM triage WHERE command = ?")
    .get(command);

/** The server keeps a bundle, or does not. One with another digest is none of ours. False: it concerns nothing here. */
export function noteAnswer(
  state: State,
  answer: {
    readonly command: string;
    readonly sha256: string;
    readonly kept: boolean;
    readonly why?: string | undefined;
  },
): boolean {
  const known = bundleOf(state, answer.command);
  if (known === undefined || known.answer !== "waiting") return false;
  const isOurs = known.sha256 === answer.sha256;
  const why = isOurs ? answer.why : `the server speaks of bytes with the digest ${answer.sha256}`;
  state
    .prepare("UPDATE triage SET answer = ?, why = ? WHERE command = ?")
    .run(answer.kept && isOurs ? "kept" : "refused", why ?? null, answer.command);
  return true;
}

import { AppError } from "@provost/shared/lib/app-error.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import { prepared } from "../state/prepared.ts";
import type { State } from "../state/state.ts";

/** More is no answer to an incident: then a policy has to say what may run. */
const mostDenials = 100_000;

/** Digests that orders refuse on this device, whatever the policy says of them: refused until the last of them is undone. */
export function keepDenial(
  state: State,
  sha256: Sha256,
  command: string,
  expires: number | undefined,
  at: number,
): void {
  state.prepare("DELETE FROM denials WHERE expires < ?").run(at);
  const held = state.prepare<[], number>("SELECT count(*) FROM denials").pluck().get() ?? 0;
  if (held >= mostDenials)
    throw new AppError("LIMIT", `${mostDenials} digests are blocked on this device already`, {
      remedy: "undo orders that are not needed any more",
    });
  state
    .prepare("INSERT OR REPLACE INTO denials (digest, command, at, expires) VALUES (?, ?, ?, ?)")
    .run(sha256, command, at, expires ?? null);
}

/** The command that refuses it; undefined: none does. */
export const denialOf = (state: State, sha256: string, now: number): string | undefined =>
  prepared<[string, number], string>(
    state,
    "SELECT command FROM denials WHERE digest = ? AND (expires IS NULL OR expires >= ?) ORDER BY at LIMIT 1",
  )
    .pluck()
    .get(sha256, now);

export const isDeniedBy = (state: State, sha256: string, command: string): boolean =>
  state.prepare("SELECT 1 FROM denials WHERE digest = ? AND command = ?").get(sha256, command) !== undefined;

/** What one order refused; what others refuse stays refused. */
export const dropDenial = (state: State, sha256: string, command: string): void =>
  void state.prepare("DELETE FROM denials WHERE digest = ? AND command = ?").run(sha256, command);

/** A person let these bytes run: no earlier order stands against that. */
export const dropDenials = (state: State, sha256: string): void =>
  void state.prepare("DELETE FROM denials WHERE digest = ?").run(sha256);

export const denied = (state: State, now: number): readonly Sha256[] =>
  state
    .prepare<[number], Sha256>("SELECT DISTINCT digest FROM denials WHERE expires IS NULL OR expires >= ?")
    .pluck()
    .all(now);

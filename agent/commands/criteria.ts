import type { State } from "../state/state.ts";
import { readMeta } from "../state/state.ts";
import type { Found } from "./state-reader.ts";

/** By what a file is judged: told before any result, because the same bytes may get another verdict under other criteria. */
export interface Criteria {
  readonly state: { readonly folder: string; readonly use: "agent" | "none" | "closed"; readonly why?: string };
  readonly device?: string;
  readonly server?: string;
  readonly lastPass?: string;
  /** Package versions the server sent word about, by what it established. */
  readonly proofs: Readonly<Record<string, number>>;
  readonly trust: string;
}

export function criteriaOf(folder: string, found: Found): Criteria {
  if (found.kind === "open") return fromState(folder, found.state);
  return {
    state: found.kind === "none" ? { folder, use: "none" } : { folder, use: "closed", why: found.error.message },
    proofs: {},
    trust: "none: only this device's own unsigned records can be compared",
  };
}

function fromState(folder: string, state: State): Criteria {
  const device = readMeta(state, "device");
  const server = readMeta(state, "server-url");
  const pass = lastPass(state);
  const proofs = Object.fromEntries(
    state
      .prepare<[], { state: string; count: number }>(
        "SELECT state, count(*) AS count FROM proofs GROUP BY state ORDER BY state",
      )
      .all()
      .map((row) => [row.state, row.count]),
  );
  return {
    state: { folder, use: "agent" },
    ...(device === undefined ? {} : { device }),
    ...(server === undefined ? {} : { server }),
    ...(pass === undefined ? {} : { lastPass: pass }),
    proofs,
    trust:
      Object.keys(proofs).length === 0
        ? "none yet: no server has sent proofs, only this device's own unsigned records can be compared"
        : "the archives and keys that apt on this device is configured with, as the server verified them",
  };
}

/** When the last whole pass ended, ISO 8601. */
export function lastPass(state: State): string | undefined {
  const text = readMeta(state, "last-scan");
  const ended = text === undefined ? undefined : (JSON.parse(text) as { readonly endedAt?: number }).endedAt;
  return ended === undefined ? undefined : new Date(ended).toISOString();
}

export function criteriaLines(criteria: Criteria): readonly string[] {
  const { state, proofs } = criteria;
  const held = Object.entries(proofs).map(([name, count]) => `${count} ${name}`);
  const from = {
    agent: `the agent's state in ${state.folder}${criteria.lastPass === undefined ? "" : `, last whole pass ${criteria.lastPass}`}`,
    none: `no agent state in ${state.folder}: only what lies on this device itself is compared`,
    closed: `without the agent's state: ${state.why ?? "it cannot be read"}; only what lies on this device itself is compared`,
  }[state.use];
  return [
    `Judged with  ${from}`,
    `Proofs held  ${held.length === 0 ? "none" : `${held.join(", ")} (package versions)`}`,
    `Trust        ${criteria.trust}${criteria.server === undefined ? "" : ` (${criteria.server})`}`,
  ];
}

import type { Answer, Api, Query } from "@provost/shared/protocol/api.ts";
import { failureFrom, unreachableServer } from "./failure.ts";

type Name = keyof Api;

export interface Ask<N extends Name> {
  /** Values for `:id` in the path. */
  readonly id?: string;
  readonly query?: { readonly [Key in keyof Query<N>]?: string | undefined };
  /** The session's token: every POST carries it (the server refuses one without). */
  readonly csrf?: string;
  /** What a POST carries. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** How long the answer may take, where that is longer than for others. */
  readonly deadlineMs?: number;
}

/** Asks the server one thing of the table in `shared/protocol/api.ts`. Throws `CallFailure`, with the Problem's words. */
export async function call<N extends Name>(name: N, ask: Ask<N> = {}): Promise<Answer<N>> {
  const { method } = routes[name];
  const answer = await send(addressFor(name, ask), {
    method,
    headers: {
      accept: "application/json",
      ...(ask.csrf === undefined ? {} : { "x-csrf": ask.csrf }),
      ...(ask.body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(ask.body === undefined ? {} : { body: JSON.stringify(ask.body) }),
    signal: withDeadline(ask.signal, ask.deadlineMs),
  });
  return (await answer.json()) as Answer<N>;
}

/** The stored bytes of one piece of evidence, at most `evidenceLimit` of them; `whole` says whether that is all. */
export async function fetchEvidence(
  sha256: string,
  signal: AbortSignal,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly whole: boolean }> {
  const answer = await send(evidenceAddress(sha256), { method: "GET", signal: withDeadline(signal) });
  return readUpTo(answer, evidenceLimit);
}

export const evidenceAddress = (sha256: string): string => `/api/v1/evidence/${encodeURIComponent(sha256)}`;
/** The audit of a time, as `provost audit verify` reads it. */
export const auditExportAddress = (span: { readonly from?: number; readonly to?: number }): string => {
  const query = new URLSearchParams(Object.entries(span).map(([name, at]) => [name, String(at)]));
  return `/api/v1/audit/export${query.size === 0 ? "" : `?${query.toString()}`}`;
};
export const evidenceLimit = 4 * 1024 * 1024;
export const answerDeadlineMs = 30_000;

/** Types only may be imported from the table (it carries the schema library), so the addresses stand here; a test compares them. */
export const routes: { readonly [N in Name]: { readonly method: Api[N]["method"]; readonly path: string } } = {
  session: { method: "GET", path: "/api/v1/session" },
  signOut: { method: "POST", path: "/api/v1/session/end" },
  overview: { method: "GET", path: "/api/v1/overview" },
  devices: { method: "GET", path: "/api/v1/devices" },
  device: { method: "GET", path: "/api/v1/devices/:id" },
  processes: { method: "GET", path: "/api/v1/devices/:id/processes" },
  deviceDecisions: { method: "GET", path: "/api/v1/devices/:id/decisions" },
  deviceAlarms: { method: "GET", path: "/api/v1/devices/:id/alarms" },
  decisions: { method: "GET", path: "/api/v1/decisions" },
  findings: { method: "GET", path: "/api/v1/findings" },
  events: { method: "GET", path: "/api/v1/events" },
  incidents: { method: "GET", path: "/api/v1/incidents" },
  incident: { method: "GET", path: "/api/v1/incidents/:id" },
  closeIncident: { method: "POST", path: "/api/v1/incidents/:id/state" },
  detections: { method: "GET", path: "/api/v1/detections" },
  commands: { method: "GET", path: "/api/v1/commands" },
  previewCommand: { method: "POST", path: "/api/v1/commands/preview" },
  newCommand: { method: "POST", path: "/api/v1/commands" },
  cancelCommand: { method: "POST", path: "/api/v1/commands/:id/cancel" },
  requests: { method: "GET", path: "/api/v1/requests" },
  decideRequest: { method: "POST", path: "/api/v1/requests/:id/decision" },
  audit: { method: "GET", path: "/api/v1/audit" },
  policies: { method: "GET", path: "/api/v1/policies" },
  policy: { method: "GET", path: "/api/v1/policies/:id" },
  rehearsePolicy: { method: "POST", path: "/api/v1/policies/rehearsal" },
  publishPolicy: { method: "POST", path: "/api/v1/policies" },
  turnOnRing: { method: "POST", path: "/api/v1/policies/rings" },
  auditChain: { method: "GET", path: "/api/v1/audit/chain" },
  executables: { method: "GET", path: "/api/v1/executables" },
  executable: { method: "GET", path: "/api/v1/executables/:id" },
  packages: { method: "GET", path: "/api/v1/packages" },
  package: { method: "GET", path: "/api/v1/package" },
  search: { method: "GET", path: "/api/v1/search" },
  newToken: { method: "POST", path: "/api/v1/enrolment-tokens" },
};

export function addressFor<N extends Name>(name: N, ask: Pick<Ask<N>, "id" | "query">): string {
  const path = routes[name].path.replace(":id", encodeURIComponent(ask.id ?? ""));
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries<string | undefined>({ ...ask.query }))
    if (value !== undefined && value !== "") query.set(key, value);
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

async function send(address: string, init: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(address, { ...init, credentials: "same-origin" });
  } catch (cause) {
    if (init.signal?.aborted === true && !(init.signal.reason instanceof DOMException && isTimeout(init.signal.reason)))
      throw cause;
    throw unreachableServer(cause);
  }
  if (!answer.ok) throw failureFrom(answer.status, await answer.text());
  return answer;
}

const isTimeout = (reason: DOMException): boolean => reason.name === "TimeoutError";

function withDeadline(signal: AbortSignal | undefined, deadlineMs = answerDeadlineMs): AbortSignal {
  const deadline = AbortSignal.timeout(deadlineMs);
  return signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
}

async function readUpTo(
  answer: Response,
  limit: number,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly whole: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop early cancels the body: what is not read is not fetched.
  for await (const chunk of answer.body ?? []) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > limit) return { bytes: joined(chunks, size).slice(0, limit), whole: false };
  }
  return { bytes: joined(chunks, size), whole: true };
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

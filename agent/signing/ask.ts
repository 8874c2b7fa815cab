import { signingFailed } from "./signing-failed.ts";

/** How long one answer may take, and how large it may be. */
export const askLimits = { milliseconds: 15_000, bytes: 1024 * 1024 } as const;

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** One bounded question to an HTTP interface that answers in JSON. A redirect is refused: it could carry a credential elsewhere. */
export async function ask(what: string, address: URL, init: RequestInit, outside: typeof fetch): Promise<Answer> {
  requireSafe(what, address);
  const host = address.host;
  let response: Response;
  let text: string;
  try {
    response = await outside(address, {
      ...init,
      redirect: "error",
      signal: AbortSignal.timeout(askLimits.milliseconds),
    });
    text = await bounded(response);
  } catch (cause) {
    const late = cause instanceof Error && cause.name === "TimeoutError";
    const why = late ? `it did not answer within ${askLimits.milliseconds / 1000} s` : reason(cause);
    throw signingFailed(`${what} at ${host} cannot be asked: ${why}`, "check the address and the network", cause);
  }
  return { status: response.status, body: parsed(text) };
}

/** https, or http to this machine itself. */
export function requireSafe(what: string, address: URL): void {
  const local = ["127.0.0.1", "[::1]", "localhost"].includes(address.hostname);
  if (address.protocol === "https:" || (address.protocol === "http:" && local)) return;
  throw signingFailed(`${what} at ${address.host} is not asked over ${address.protocol}//`, "use an https address");
}

async function bounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > askLimits.bytes) throw new Error(`its answer is larger than ${askLimits.bytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** fetch says "fetch failed" and keeps what happened in the cause. */
export function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? cause.cause.message : cause.message;
}

/** What an API says of its own refusal, in the words it chose, cut short. */
export function refusalIn(body: unknown): string {
  const text = JSON.stringify(body) ?? "no JSON";
  return text.length <= 300 ? text : `${text.slice(0, 300)}...`;
}

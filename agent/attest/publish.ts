import { AppError } from "@provost/shared/lib/app-error.ts";
import { textMember } from "@provost/shared/lib/bounded-json.ts";
import { Received } from "@provost/shared/protocol/library-api.ts";
import { ask, refusalIn } from "../signing/ask.ts";
import { bundleMediaType } from "../signing/make-bundle.ts";

export interface Published {
  readonly host: string;
  /** What became of it there. */
  readonly outcome: "added" | "known" | "contradictory";
  readonly why?: string;
}

/** Hands a bundle to a Provost server's evidence library: `POST <server>/api/v1/documents`, the bundle's own bytes as the body. */
export async function publish(
  server: string,
  token: string,
  document: { readonly name: string; readonly bytes: Buffer },
  outside: typeof fetch,
): Promise<Published> {
  if (!URL.canParse(server))
    throw new AppError("CONFIG_INVALID", `--publish: wanted the server's address, got ${server.slice(0, 200)}`);
  const address = new URL(`${server.replace(/\/$/, "")}/api/v1/documents`);
  address.searchParams.set("name", document.name);
  const headers = { authorization: `Bearer ${token}`, "content-type": bundleMediaType };
  const init = { method: "POST", headers, body: Uint8Array.from(document.bytes) };
  const answer = await ask("the server", address, init, outside).catch((cause: unknown) => {
    throw refused(cause instanceof Error ? cause.message : String(cause), cause);
  });
  const received = Received.safeParse(answer.body);
  const [first] = received.success ? received.data.documents : [];
  if (answer.status === 200 && first !== undefined && first.outcome !== "refused")
    return { host: address.host, outcome: first.outcome, ...(first.why === undefined ? {} : { why: first.why }) };
  const says =
    first?.why ?? textMember(answer.body, "detail") ?? textMember(answer.body, "title") ?? refusalIn(answer.body);
  throw refused(`the server ${address.host} did not take the document (${answer.status}): ${says}`);
}

const refused = (message: string, cause?: unknown): AppError =>
  new AppError("PUBLISH_REFUSED", message, {
    remedy: "the bundle is written; publish it again with: provost attest --publish URL --token-file F --bundle FILE",
    ...(cause === undefined ? {} : { cause }),
  });

import { AppError } from "@provost/shared/lib/app-error.ts";
import { textMember } from "@provost/shared/lib/bounded-json.ts";
import { ask, refusalIn } from "../signing/ask.ts";
import { bundleMediaType } from "../signing/make-bundle.ts";

/** Hands a bundle to a Provost server's evidence library: `POST <server>/api/v1/documents`, the bundle's own bytes as the body. */
export async function publish(server: string, token: string, bundle: Buffer, outside: typeof fetch): Promise<string> {
  if (!URL.canParse(server))
    throw new AppError("CONFIG_INVALID", `--publish: wanted the server's address, got ${server.slice(0, 200)}`);
  const address = new URL(`${server.replace(/\/$/, "")}/api/v1/documents`);
  const headers = { authorization: `Bearer ${token}`, "content-type": bundleMediaType };
  const answer = await ask(
    "the server",
    address,
    { method: "POST", headers, body: Uint8Array.from(bundle) },
    outside,
  ).catch((cause: unknown) => {
    throw refused(cause instanceof Error ? cause.message : String(cause), cause);
  });
  if (answer.status >= 200 && answer.status < 300) return address.host;
  const says = textMember(answer.body, "detail") ?? textMember(answer.body, "title") ?? refusalIn(answer.body);
  throw refused(`the server ${address.host} did not take the document (${answer.status}): ${says}`);
}

const refused = (message: string, cause?: unknown): AppError =>
  new AppError("PUBLISH_REFUSED", message, {
    remedy: "the bundle is written; publish it again with: provost attest --publish URL --token-file F --bundle FILE",
    ...(cause === undefined ? {} : { cause }),
  });

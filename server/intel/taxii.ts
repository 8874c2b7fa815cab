import * as z from "zod";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { Fetch } from "../trust/fetch.ts";

/** A client of TAXII 2.1 (OASIS, section 5.4: get objects), as far as a collection of indicators needs one. */
const mediaType = "application/taxii+json;version=2.1";
const perPage = 1000;
const mostPages = 10_000;
const mostPageBytes = 64 << 20;
const mostBytes = 256 << 20;

/** Section 3.7. Objects of types that nobody asked for are kept out before they are stored. */
const Envelope = z.object({
  more: z.boolean().default(false),
  next: z.string().min(1).max(4000).optional(),
  objects: z
    .array(z.looseObject({ type: z.string(), id: z.string().max(500), modified: z.string().optional() }))
    .default([]),
});
type StixObject = z.infer<typeof Envelope>["objects"][number];

export interface Collection {
  readonly url: URL;
  readonly authorization?: string;
}

/** Every indicator of a collection, page after page, of each its newest version. Throws UNREADABLE with the page and the reason. */
export async function fetchIndicators(
  fetch: Fetch,
  { url, authorization }: Collection,
  signal: AbortSignal,
): Promise<readonly StixObject[]> {
  const newest = new Map<string, StixObject>();
  const followed = new Set<string>();
  let bytes = 0;
  let next: string | undefined;
  for (let page = 1; ; page += 1) {
    const failed = (why: string): AppError =>
      new AppError("UNREADABLE", `page ${page} of the TAXII collection at ${url.host}: ${why}`, {
        remedy: "look at the collection's address and at what it lets this user read",
      });
    if (page > mostPages) throw failed(`there are more than ${mostPages} pages`);
    const chunks: Buffer[] = [];
    const delivery = await fetch.get({
      url: pageUrl(url, next),
      accept: mediaType,
      maxBytes: mostPageBytes,
      signal,
      ...(authorization === undefined ? {} : { authorization }),
      open() {
        chunks.length = 0;
        return (chunk) => void chunks.push(chunk);
      },
    });
    if (delivery.kind !== "delivered")
      throw failed("says" in delivery ? delivery.says : "it says that nothing changed");
    bytes += delivery.bytes;
    if (bytes > mostBytes) throw failed(`it has more than ${mostBytes} bytes`);
    const envelope = read(Buffer.concat(chunks), failed);
    for (const object of envelope.objects) keep(newest, object);
    if (!envelope.more) return [...newest.values()];
    if (envelope.next === undefined) throw failed("more is promised, and no next page is named");
    if (followed.has(envelope.next)) throw failed("it leads back to a page that was read before");
    followed.add(envelope.next);
    next = envelope.next;
  }
}

/** Section 5.4: `objects/` below the collection, the filter for a type, and where the last page ended. */
function pageUrl(collection: URL, next: string | undefined): URL {
  const url = new URL(collection.href);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/objects/`;
  url.searchParams.set("limit", String(perPage));
  url.searchParams.set("match[type]", "indicator");
  if (next !== undefined) url.searchParams.set("next", next);
  return url;
}

function read(body: Buffer, failed: (why: string) => AppError): z.infer<typeof Envelope> {
  let json: unknown;
  try {
    json = JSON.parse(body.toString("utf8"));
  } catch {
    throw failed("it is no JSON");
  }
  const envelope = Envelope.safeParse(json);
  if (envelope.success) return envelope.data;
  const [issue] = envelope.error.issues;
  throw failed(`it is no TAXII envelope: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not understood"}`);
}

/** STIX 2.1, 3.6: an object is changed by a later version under the same id. Its times are written so that they sort as text. */
function keep(newest: Map<string, StixObject>, object: StixObject): void {
  if (object.type !== "indicator") return;
  const known = newest.get(object.id);
  if (known === undefined || (known.modified ?? "") <= (object.modified ?? "")) newest.set(object.id, object);
}

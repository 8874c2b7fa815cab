import * as z from "zod";
import { unreadable, unsupported } from "../refusal.ts";

/** Where a signature is made: who issues certificates, which logs record it, who stamps its time. */
export interface SigningServices {
  readonly authority: Service | undefined;
  readonly logs: readonly Service[];
  readonly timestampAuthorities: readonly Service[];
}

export interface Service {
  readonly url: string;
  readonly version: number;
}

/** signing_config.v0.2.json as the sigstore protobuf-specs publish it; which services count at `now`. Throws a Refusal. */
export function readSigningConfig(document: unknown, now: number): SigningServices {
  const parsed = SigningConfig.safeParse(document);
  if (!parsed.success) {
    const [first] = parsed.error.issues;
    throw unreadable(
      `the signing configuration is malformed: ${first?.path.join(".") ?? ""} ${first?.message ?? ""}`.trim(),
    );
  }
  const { mediaType, caUrls, rekorTlogUrls, rekorTlogConfig, tsaUrls, tsaConfig } = parsed.data;
  if (mediaType !== "application/vnd.dev.sigstore.signingconfig.v0.2+json")
    throw unsupported(`the signing configuration's media type ${mediaType.slice(0, 100)} is not read`);
  return {
    authority: usable(caUrls, 1, now)[0],
    logs: chosen("transparency log", usable(rekorTlogUrls, 2, now), rekorTlogConfig),
    timestampAuthorities: chosen("timestamp authority", usable(tsaUrls, 1, now), tsaConfig),
  };
}

const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const ServiceDocument = z.object({
  url: z.string().min(1).max(2000),
  majorApiVersion: z.int().positive(),
  validFor: z.object({ start: time.optional(), end: time.optional() }).optional(),
  operator: z.string().max(2000).default(""),
});
type ServiceDocument = z.infer<typeof ServiceDocument>;
const services = z.array(ServiceDocument).max(64).default([]);
const Choice = z.object({ selector: z.enum(["ALL", "ANY", "EXACT"]), count: z.int().positive().optional() }).optional();
const SigningConfig = z.object({
  mediaType: z.string().max(200),
  caUrls: services,
  rekorTlogUrls: services,
  rekorTlogConfig: Choice,
  tsaUrls: services,
  tsaConfig: Choice,
});

/** In use now, in a version we speak: the newest version first, then the latest to begin. One for each operator. */
function usable(all: readonly ServiceDocument[], highest: number, now: number): readonly Service[] {
  const sorted = all
    .filter(({ majorApiVersion, validFor }) => majorApiVersion <= highest && covers(validFor, now))
    .sort((a, b) => b.majorApiVersion - a.majorApiVersion || (b.validFor?.start ?? 0) - (a.validFor?.start ?? 0));
  return sorted
    .filter((one, at) => one.operator === "" || sorted.findIndex(({ operator }) => operator === one.operator) === at)
    .map(({ url, majorApiVersion }) => ({ url: url.replace(/\/$/, ""), version: majorApiVersion }));
}

const covers = (
  span: { readonly start?: number | undefined; readonly end?: number | undefined } | undefined,
  now: number,
) => (span?.start ?? Number.NEGATIVE_INFINITY) <= now && now <= (span?.end ?? Number.POSITIVE_INFINITY);

/** No choice named means that none is wanted (sigstore_trustroot.proto, ServiceConfiguration). */
function chosen(what: string, from: readonly Service[], choice: z.infer<typeof Choice>): readonly Service[] {
  if (choice === undefined) return [];
  const wanted = { ALL: from.length, ANY: 1, EXACT: choice.count ?? 1 }[choice.selector];
  if (from.length < Math.max(wanted, 1))
    throw unreadable(
      `the signing configuration wants ${Math.max(wanted, 1)} of ${what}, and names ${from.length} in use`,
    );
  return from.slice(0, wanted);
}

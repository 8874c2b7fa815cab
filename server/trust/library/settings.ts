import { readFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import { parse } from "yaml";
import * as z from "zod";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { namePattern } from "@provost/shared/provenance/name-rule.ts";
import { asRefusal } from "@provost/shared/provenance/refusal.ts";
import { GrantLimits, Scope } from "@provost/shared/protocol/library-api.ts";
import type { GrantLimits as Limits, NameLimit } from "../../machines/grant.ts";
import type { IssuerRule } from "../../machines/issuers.ts";
import { readImage, type UpstreamSettings } from "../upstreams/index.ts";

/** The owner's words about the evidence library: whose CI may add to it, and where evidence is looked for. */
export interface LibrarySettings {
  readonly issuers: readonly IssuerRule[];
  readonly upstreams: UpstreamSettings;
  /** The upstreams that the owner named may be inside his own network. */
  readonly privateNetwork: boolean;
}

/** `path` is a YAML file; without one, the public registries alone are asked. Throws CONFIG_INVALID naming the place. */
export function readLibrarySettings(path: string | undefined, registries: boolean): LibrarySettings {
  const text = path === undefined ? "" : readWhole(path);
  return librarySettings(text, registries, readWhole);
}

/** `secret` gives the content of a file that the settings name. */
export function librarySettings(text: string, registries: boolean, secret: (path: string) => string): LibrarySettings {
  if (text.length > maxSettings) throw wrong(`the library's settings have more than ${maxSettings} characters`);
  const read = Settings.safeParse(parsed(text) ?? {});
  if (!read.success) {
    const [issue] = read.error.issues;
    throw wrong(`the library's settings: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not understood"}`);
  }
  const { issuers, upstreams } = read.data;
  const { npm, pypi, github, images, folders } = upstreams;
  const { tokenFile, ...rest } = github ?? {};
  const token = tokenFile === undefined ? {} : { token: secret(tokenFile).trim() };
  return {
    issuers: issuers.map(ruleOf),
    upstreams: {
      registries,
      npm,
      pypi,
      images,
      folders,
      ...(github === undefined
        ? {}
        : { github: { api: github.api, attestations: [], releases: [], ...rest, ...token } }),
    },
    privateNetwork: upstreams.privateNetwork,
  };
}

const maxSettings = 1024 * 1024;

function parsed(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 100 });
  } catch (cause) {
    throw wrong(
      `the library's settings are no YAML: ${cause instanceof Error ? cause.message.split("\n")[0] : ""}`,
      cause,
    );
  }
}

const wrong = (message: string, cause?: unknown): AppError =>
  new AppError("CONFIG_INVALID", message.slice(0, 1000), cause === undefined ? {} : { cause });

const words = z.string().min(1).max(2000);
const Address = z.url({ protocol: /^https?$/ }).max(2000);
const Name = z.union([z.strictObject({ exact: words }), z.strictObject({ pattern: z.string().min(1).max(500) })]);
const Issuer = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}$/),
  issuer: Address,
  audience: words,
  claims: z
    .record(z.string().min(1).max(100), Name)
    .refine((claims) => Object.keys(claims).length > 0, "names no claim"),
  scopes: z.array(Scope).min(1),
  limits: GrantLimits.default({}),
  jwks: Address.optional(),
  privateNetwork: z.boolean().default(false),
});
const repository = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,38}\/[A-Za-z0-9._-]{1,100}$/);
const Upstreams = z.strictObject({
  npm: Address.default("https://registry.npmjs.org"),
  pypi: Address.default("https://pypi.org"),
  github: z
    .strictObject({
      api: Address.default("https://api.github.com"),
      attestations: z
        .array(z.union([repository, z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,38}$/)]))
        .max(50)
        .default([]),
      releases: z.array(repository).max(1000).default([]),
      tokenFile: words.refine(isAbsolute, "is no absolute path").optional(),
    })
    .optional(),
  images: z
    .array(words.refine((text) => readImage(text) !== undefined, "is no image with its registry"))
    .max(10_000)
    .default([]),
  folders: z.array(words.refine(isAbsolute, "is no absolute path")).max(100).default([]),
  privateNetwork: z.boolean().default(false),
});
const Settings = z.strictObject({
  issuers: z.array(Issuer).max(100).default([]),
  upstreams: Upstreams.default(Upstreams.parse({})),
});

function ruleOf({ limits, jwks, issuer, ...rest }: z.infer<typeof Issuer>): IssuerRule {
  if (!rest.privateNetwork && !issuer.startsWith("https:"))
    throw wrong(`the issuer ${issuer} is not named by https; only one inside your own network may be without`);
  const kept: Limits = {
    ...(limits.purl === undefined ? {} : { purl: limits.purl }),
    ...(limits.repository === undefined ? {} : { repository: limits.repository }),
  };
  for (const rule of [...Object.values(rest.claims), ...Object.values(kept)]) requireReadable(rule);
  return { ...rest, issuer, limits: kept, ...(jwks === undefined ? {} : { jwks }) };
}

function requireReadable(rule: NameLimit): void {
  try {
    namePattern(rule);
  } catch (cause) {
    throw wrong(`the library's settings: ${asRefusal(cause).message}`, cause);
  }
}

function readWhole(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw wrong(`${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}

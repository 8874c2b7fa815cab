import type { AnySchemaObject, ErrorObject, ValidateFunction } from "ajv";
import { canonicalJson } from "../../lib/canonical-json.ts";
import { unreachable } from "../../lib/unreachable.ts";
import { safeText } from "../../lib/path-text.ts";
import type { CycloneDxVersion } from "./read-cyclonedx.ts";

export type Validity = { readonly ok: true } | { readonly ok: false; readonly why: string };

/**
 * Whether a document is what the published schema of its version says. Schemas and validator are loaded at the first question:
 * only commands and the server ask. That every reference stands for one thing, no schema can say; the reader does.
 */
export async function validateCycloneDx(document: unknown, version: CycloneDxVersion): Promise<Validity> {
  const validate = await (compiled.get(version) ?? remember(version, compile(version)));
  if (validate(document)) return { ok: true };
  return { ok: false, why: said(validate.errors?.[0]) };
}

const compiled = new Map<CycloneDxVersion, Promise<ValidateFunction>>();

function remember(version: CycloneDxVersion, validator: Promise<ValidateFunction>): Promise<ValidateFunction> {
  compiled.set(version, validator);
  return validator;
}

async function compile(version: CycloneDxVersion): Promise<ValidateFunction> {
  const [{ Ajv }, { default: formats }, schema, licences, signatures, cryptography] = await Promise.all([
    import("ajv"),
    import("ajv-formats"),
    schemaOf(version),
    json(import("../schemas/spdx-licences.json", { with: { type: "json" } })),
    json(import("../schemas/jsf-0.82.json", { with: { type: "json" } })),
    json(import("../schemas/cryptography.json", { with: { type: "json" } })),
  ]);
  // The schemas carry members of their own ("meta:enum") and leave types open, which ajv's strict mode would refuse.
  const ajv = new Ajv({ strict: false });
  formats.default(ajv, ["date", "date-time", "uri"]);
  // RFC 3987 and RFC 6531: what neither may hold, in any of their spellings.
  ajv.addFormat("iri-reference", /^[^\u0000-\u0020\u007f<>"{}|\\^`]*$/);
  ajv.addFormat("idn-email", /^[^\u0000-\u0020\u007f@]+@[^\u0000-\u0020\u007f@]+$/);
  // ajv compares every pair: a list of 100,000 components would take hours.
  ajv.removeKeyword("uniqueItems");
  ajv.addKeyword({
    keyword: "uniqueItems",
    type: "array",
    schemaType: "boolean",
    compile: (wanted: boolean) => (list: readonly unknown[]) =>
      !wanted || new Set(list.map((item) => canonicalJson(item))).size === list.length,
    error: { message: "must not hold the same item twice" },
  });
  for (const [name, one] of [
    ["spdx", licences],
    ["jsf-0.82", signatures],
    ["cryptography-defs", cryptography],
  ] as const)
    // The library's copies refer to each other by these names.
    ajv.addSchema({ ...one, $id: `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json` });
  return ajv.compile(schema);
}

function schemaOf(version: CycloneDxVersion): Promise<AnySchemaObject> {
  switch (version) {
    case "1.4":
      return json(import("../schemas/cyclonedx-1.4.json", { with: { type: "json" } }));
    case "1.5":
      return json(import("../schemas/cyclonedx-1.5.json", { with: { type: "json" } }));
    case "1.6":
      return json(import("../schemas/cyclonedx-1.6.json", { with: { type: "json" } }));
    case "1.7":
      return json(import("../schemas/cyclonedx-1.7.json", { with: { type: "json" } }));
    default:
      return unreachable(version);
  }
}

const json = async (module: Promise<{ readonly default: object }>): Promise<AnySchemaObject> => (await module).default;

function said(error: ErrorObject | undefined): string {
  const where = error?.instancePath === "" ? "the document" : (error?.instancePath ?? "the document");
  return safeText(`${where} ${error?.message ?? "is not what its schema says"}`.slice(0, 300));
}

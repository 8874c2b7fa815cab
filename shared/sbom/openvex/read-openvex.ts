import { textMember } from "../../lib/bounded-json.ts";
import { canonicalPurl } from "../../ecosystems/purl.ts";
import { unreadable, unsupported } from "../../provenance/refusal.ts";
import { digestOf } from "../digest.ts";
import { listAt, neededText, objectAt, objectOf, textAt, textOf, timeAt, type Json } from "../fields.ts";
import { sbomLimits } from "../limits.ts";
import { Problems, shown } from "../problems.ts";
import { vexStatuses, type Vex, type VexProduct, type VexStatement } from "../vex.ts";

const context = /^https:\/\/openvex\.dev\/ns(?:\/v(\d+\.\d+\.\d+))?$/;

export const isOpenVex = (document: Json): boolean =>
  (textMember(document, "@context") ?? "").startsWith("https://openvex.");

/** OpenVEX 0.2.0, and 0.0.1 with its plainer names. Throws a Refusal. */
export function readOpenVex(document: Json): Vex {
  const specVersion = versionOf(document);
  const problems = new Problems();
  const createdAt = timeAt(document, "timestamp", "vex");
  if (createdAt === undefined) throw unreadable("vex.timestamp is missing");
  timeAt(document, "last_updated", "vex");
  // In 0.0.1 the number was written as text, and nothing said which members there are.
  const strict = specVersion !== "0.0.1";
  const version = strict ? document["version"] : Number(document["version"]);
  if (typeof version !== "number" || !Number.isInteger(version) || version < 1)
    throw unreadable("vex.version is no number from 1 on");
  if (strict) onlyMembers(document, "vex", documentMembers);
  const items = listAt(document, "statements", "vex", sbomLimits.components);
  if (items.length === 0) throw unreadable("vex.statements is empty");
  return {
    format: "openvex",
    specVersion,
    id: neededText(document, "@id", "vex"),
    author: neededText(document, "author", "vex"),
    createdAt,
    statements: items.map((item, at) =>
      statementOf(objectOf(item, `statements[${at}]`), `statements[${at}]`, strict, problems),
    ),
    problems: problems.list(),
  };
}

/** Without a version in its name the context is the first one's. */
function versionOf(document: Json): string {
  const written = neededText(document, "@context", "vex");
  const found = context.exec(written);
  if (found === null) throw unreadable("vex.@context is not OpenVEX's");
  const version = found[1] ?? "0.0.1";
  if (version !== "0.0.1" && version !== "0.2.0") throw unsupported(`OpenVEX ${shown(version)} is not read`);
  return version;
}

function statementOf(item: Json, where: string, strict: boolean, problems: Problems): VexStatement {
  if (strict) onlyMembers(item, where, statementMembers);
  const written = neededText(item, "status", where);
  const status = vexStatuses.find((one) => one === written);
  if (status === undefined) throw unreadable(`${where}.status ${shown(written)} is none that OpenVEX knows`);
  const justification = textAt(item, "justification", where);
  if (justification !== undefined && !justifications.has(justification))
    throw unreadable(`${where}.justification ${shown(justification)} is none that OpenVEX knows`);
  const impact = textAt(item, "impact_statement", where);
  const action = textAt(item, "action_statement", where);
  for (const name of ["timestamp", "last_updated", "action_statement_timestamp"]) timeAt(item, name, where);
  if (status === "not_affected" && justification === undefined && impact === undefined)
    throw unreadable(`${where} says not_affected without a justification`);
  if (status === "affected" && action === undefined)
    throw unreadable(`${where} says affected without an action_statement`);
  const says = [textAt(item, "status_notes", where), impact, action].filter((one) => one !== undefined).join("; ");
  return {
    ...vulnerabilityOf(item, where, strict),
    products: productsOf(item, where, strict, problems),
    status,
    ...(justification === undefined ? {} : { justification }),
    ...(says === "" ? {} : { says }),
  };
}

function vulnerabilityOf(item: Json, where: string, strict: boolean): Pick<VexStatement, "vulnerability" | "aliases"> {
  const { vulnerability } = item;
  if (!strict && typeof vulnerability === "string")
    return { vulnerability: textOf(vulnerability, `${where}.vulnerability`), aliases: [] };
  const said = objectOf(vulnerability, `${where}.vulnerability`);
  if (strict) onlyMembers(said, `${where}.vulnerability`, vulnerabilityMembers);
  const aliases = listAt(said, "aliases", `${where}.vulnerability`, sbomLimits.perItem);
  return {
    vulnerability: neededText(said, "name", `${where}.vulnerability`),
    aliases: aliases.map((alias) => textOf(alias, `${where}.vulnerability.aliases`)),
  };
}

/** What a statement is about: its products; where a part of one is named, the product with that part stays one product. */
function productsOf(item: Json, where: string, strict: boolean, problems: Problems): readonly VexProduct[] {
  return listAt(item, "products", where, sbomLimits.perItem).flatMap((value, at) => {
    const here = `${where}.products[${at}]`;
    if (!strict && typeof value === "string") return [named(textOf(value, here), {}, problems)];
    const product = objectOf(value, here);
    const parts = listAt(product, "subcomponents", here, sbomLimits.perItem).map((part, index) =>
      productOf(
        objectOf(part, `${here}.subcomponents[${index}]`),
        `${here}.subcomponents[${index}]`,
        partMembers,
        problems,
      ),
    );
    return [productOf(product, here, productMembers, problems), ...parts];
  });
}

function productOf(product: Json, where: string, members: ReadonlySet<string>, problems: Problems): VexProduct {
  onlyMembers(product, where, members);
  const identifiers = objectAt(product, "identifiers", where) ?? {};
  onlyMembers(identifiers, `${where}.identifiers`, identifierMembers);
  if ("identifiers" in product && Object.keys(identifiers).length === 0)
    throw unreadable(`${where}.identifiers is empty`);
  const id = textAt(product, "@id", where) ?? textAt(identifiers, "purl", where) ?? "";
  if (id === "" && Object.keys(identifiers).length === 0) throw unreadable(`${where} names no product`);
  return named(id, { ...product, identifiers }, problems);
}

function named(id: string, product: Json, problems: Problems): VexProduct {
  const written = textAt(objectAt(product, "identifiers", id) ?? {}, "purl", id) ?? id;
  const purl = canonicalPurl(written);
  if (purl === undefined && written.startsWith("pkg:")) problems.add("a purl that is none", written);
  const hashes = objectAt(product, "hashes", id) ?? {};
  onlyMembers(hashes, `${id}.hashes`, hashMembers);
  const digests = Object.entries(hashes).flatMap(([algorithm, value]) => {
    const digest = digestOf(algorithm, textOf(value, `${id}.hashes`));
    if (digest === undefined) problems.add("a digest that is not one of its algorithm", String(value));
    return digest ?? [];
  });
  return { id, ...(purl === undefined ? {} : { purl }), digests };
}

function onlyMembers(item: Json, where: string, known: ReadonlySet<string>): void {
  const odd = Object.keys(item).find((name) => !known.has(name));
  if (odd !== undefined) throw unreadable(`${where} has the member ${shown(odd)}, which OpenVEX does not know`);
}

const documentMembers = new Set(
  "@context @id author role timestamp last_updated version tooling supplier statements".split(" "),
);
const statementMembers = new Set(
  (
    "@id version vulnerability timestamp last_updated products status status_notes justification impact_statement " +
    "action_statement action_statement_timestamp supplier"
  ).split(" "),
);
const vulnerabilityMembers = new Set(["@id", "name", "description", "aliases"]);
const partMembers = new Set(["@id", "identifiers", "hashes"]);
const productMembers = new Set([...partMembers, "subcomponents"]);
const identifierMembers = new Set(["purl", "cpe22", "cpe23"]);
const hashMembers = new Set(
  "md5 sha1 sha-256 sha-384 sha-512 sha3-224 sha3-256 sha3-384 sha3-512 blake2s-256 blake2b-256 blake2b-512".split(" "),
);
const justifications = new Set([
  "component_not_present",
  "vulnerable_code_not_present",
  "vulnerable_code_not_in_execute_path",
  "vulnerable_code_cannot_be_controlled_by_adversary",
  "inline_mitigations_already_exist",
]);

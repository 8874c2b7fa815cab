import { unreadable } from "../../provenance/refusal.ts";
import type { Json } from "../fields.ts";
import { sbomLimits } from "../limits.ts";
import { shown } from "../problems.ts";

/** Whether text is SPDX's tag-value form: it begins with its version, after comments at most. */
export const isTagValue = (text: string): boolean => beginning.test(text.slice(0, 65_536));

const beginning = /^\uFEFF?(?:[^\S\n]*(?:#[^\n]*)?\n)*[^\S\n]*SPDXVersion:/;

/** SPDX 2.3 tag-value, brought into the shape of its JSON. Snippets, annotations and licence texts are passed over. */
export function readTagValue(text: string): Json {
  const document: Draft = { creationInfo: { creators: [] }, packages: [], files: [], relationships: [] };
  let here: Draft = document;
  let count = 0;
  for (const { tag, value, line } of tagsIn(text)) {
    const began = beginnings[tag];
    if (began !== undefined) {
      count += 1;
      if (count > sbomLimits.components) throw unreadable(`it names more than ${sbomLimits.components} components`);
      here = { [began.member]: value };
      if (began.list !== undefined) push(document, began.list, here);
      continue;
    }
    const member = members[tag];
    if (member !== undefined) once(here, member, value, line);
    else take(document, here, tag, value, line);
  }
  return document;
}

type Draft = Record<string, unknown>;

/** Tags that begin a section: what follows belongs to it until the next one. Sections without a list are not kept. */
const beginnings: Readonly<Record<string, { readonly list?: string; readonly member: string } | undefined>> = {
  PackageName: { list: "packages", member: "name" },
  FileName: { list: "files", member: "fileName" },
  SnippetSPDXID: { member: "SPDXID" },
  LicenseID: { member: "licenseId" },
  Annotator: { member: "annotator" },
  Reviewer: { member: "reviewer" },
};

const members: Readonly<Record<string, string | undefined>> = {
  SPDXVersion: "spdxVersion",
  DataLicense: "dataLicense",
  SPDXID: "SPDXID",
  DocumentName: "name",
  DocumentNamespace: "documentNamespace",
  PackageVersion: "versionInfo",
  PackageSupplier: "supplier",
  PackageOriginator: "originator",
  PackageDownloadLocation: "downloadLocation",
  PackageLicenseConcluded: "licenseConcluded",
  PackageLicenseDeclared: "licenseDeclared",
  PrimaryPackagePurpose: "primaryPackagePurpose",
  LicenseConcluded: "licenseConcluded",
};

function take(document: Draft, here: Draft, tag: string, value: string, line: number): void {
  switch (tag) {
    case "Creator":
      push(document["creationInfo"] as Draft, "creators", value);
      return;
    case "Created":
      once(document["creationInfo"] as Draft, "created", value, line);
      return;
    case "PackageChecksum":
    case "FileChecksum": {
      const [, algorithm, checksumValue] = /^([A-Za-z0-9-]+):\s*([0-9A-Fa-f]+)$/.exec(value) ?? [];
      if (algorithm === undefined) throw unreadable(`line ${line}: a ${tag} that is malformed`);
      push(here, "checksums", { algorithm, checksumValue });
      return;
    }
    case "ExternalRef": {
      const [, referenceCategory, referenceType, referenceLocator] = /^(\S+)\s+(\S+)\s+(\S+)$/.exec(value) ?? [];
      if (referenceCategory === undefined) throw unreadable(`line ${line}: an ExternalRef that is malformed`);
      push(here, "externalRefs", { referenceCategory, referenceType, referenceLocator });
      return;
    }
    case "Relationship": {
      const [, spdxElementId, relationshipType, relatedSpdxElement] = /^(\S+)\s+(\S+)\s+(\S+)$/.exec(value) ?? [];
      if (spdxElementId === undefined) throw unreadable(`line ${line}: a Relationship that is malformed`);
      push(document, "relationships", { spdxElementId, relationshipType, relatedSpdxElement });
      return;
    }
    default:
  }
}

function push(holder: Draft, name: string, value: unknown): void {
  const list = (holder[name] ??= []) as unknown[];
  list.push(value);
}

function once(holder: Draft, name: string, value: string, line: number): void {
  if (Object.hasOwn(holder, name)) throw unreadable(`line ${line} says ${name} a second time`);
  holder[name] = value;
}

/** "Tag: value", one a line; a value in <text> may go over many. Lines that begin with "#" say nothing. */
function* tagsIn(text: string): Generator<{ readonly tag: string; readonly value: string; readonly line: number }> {
  let line = 0;
  for (let start = 0; start < text.length;) {
    line += 1;
    const end = lineEnd(text, start);
    const written = text
      .slice(start, Math.min(end, start + longestLine))
      .replace(/^\uFEFF/, "")
      .trim();
    let next = end + 1;
    if (written !== "" && !written.startsWith("#")) {
      const colon = written.indexOf(":");
      const tag = written.slice(0, Math.max(colon, 0));
      if (!/^[A-Za-z]+$/.test(tag)) throw unreadable(`line ${line} is no tag and value: ${shown(written)}`);
      let value = written.slice(colon + 1).trim();
      if (value.startsWith("<text>")) {
        const from = text.indexOf("<text>", start) + 6;
        const to = text.indexOf("</text>", from);
        if (to === -1) throw unreadable(`line ${line}: a text that has no end`);
        value = text.slice(from, Math.min(to, from + longestLine));
        next = lineEnd(text, to) + 1;
      }
      yield { tag, value, line };
    }
    line += linesBetween(text, end + 1, next);
    start = next;
  }
}

const longestLine = 65_536;

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end === -1 ? text.length : end;
}

function linesBetween(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf("\n", from); at !== -1 && at < to; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}

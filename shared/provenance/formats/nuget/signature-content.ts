import { unreadable, unsupported } from "../../refusal.ts";
import { digestByName, onlyValue, type CmsSigner } from "../../x509/cms.ts";
import { contents, expectTag, inside, oidText, tags, type Der } from "../../x509/der.ts";
import { plainText } from "../../x509/plain-text.ts";

/** Who says that the package is good: whoever made it, or the repository that took it in. */
export type Role = "author" | "repository";

/** NuGet, "Signature content": a version, then the digest of the package as it was before signing. */
export function signedHash(content: Buffer): { readonly algorithm: string; readonly base64: string } {
  const text = content.toString("latin1");
  const found = /^Version:1\r?\n\r?\n([0-9.]{5,60})-Hash:([A-Za-z0-9+/]{40,100}={0,2})\r?\n(?:\r?\n)?$/.exec(text);
  if (found?.[1] === undefined || found[2] === undefined) {
    if (!text.startsWith("Version:1\n") && !text.startsWith("Version:1\r\n"))
      throw unsupported("the package's signature is not of version 1");
    throw unreadable("what the package's signature states is malformed");
  }
  return { algorithm: digestByName(found[1]), base64: found[2] };
}

/** RFC 5126 5.11.1: proof of origin is the author's, proof of receipt the repository's. Exactly one of them is stated. */
export function roleOf({ signed }: CmsSigner): Role {
  const stated = signed?.values.get(commitmentType) ?? [];
  const roles = stated.map((one) => rolesByOid.get(oidText(expectTag(inside(one)[0], tags.oid, "the commitment"))));
  const [role, another] = roles;
  if (role === undefined || another !== undefined)
    throw unsupported("the package's signature does not say whether an author or a repository made it");
  return role;
}

const commitmentType = "1.2.840.113549.1.9.16.2.16";
const rolesByOid: ReadonlyMap<string, Role> = new Map([
  ["1.2.840.113549.1.9.16.6.1", "author"],
  ["1.2.840.113549.1.9.16.6.2", "repository"],
]);

/** What a repository states beside: where its service lies, and whose package it took this for. */
export function statedBy({ signed }: CmsSigner): Readonly<Record<string, string>> {
  if (signed === undefined) return {};
  const index = onlyValue(signed, serviceIndex, "the repository's signature");
  const owners = onlyValue(signed, packageOwners, "the repository's signature");
  return {
    ...(index === undefined
      ? {}
      : { "service index": plainText(contents(expectTag(index, 0x16, "its service index"))) }),
    ...(owners === undefined ? {} : { owners: inside(owners).slice(0, 32).map(ownerText).join(", ") }),
  };
}

const serviceIndex = "1.3.6.1.4.1.311.84.2.1.1.1";
const packageOwners = "1.3.6.1.4.1.311.84.2.1.1.2";
const ownerText = (one: Der): string => plainText(contents(expectTag(one, tags.utf8String, "an owner")));

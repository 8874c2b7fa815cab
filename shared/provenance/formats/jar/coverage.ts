import { hash } from "node:crypto";
import { forged, Refusal, unreadable, unsupported } from "../../refusal.ts";
import type { JarEntries, JarFile } from "./entries.ts";
import { readManifestFile, type ManifestFile, type Section } from "./manifest-file.ts";
import { manifestName } from "./signature-files.ts";
import { digestsIn, type DigestKind } from "./strong-digests.ts";

/**
 * That one signature file, whose bytes a signature holds over, covers all of the jar: it covers the manifest, whole or section by section;
 * the manifest has a digest for each file, and each file is that one; and nothing that was signed is missing. Throws a Refusal.
 */
export function requireCovered(signatureFile: Uint8Array, jar: JarEntries, name: string): void {
  const bytes = jar.signatureFiles.get(manifestName);
  if (bytes === undefined) throw unreadable("the jar has no manifest");
  const manifest = readManifestFile(bytes, "manifest-version", "the manifest");
  const signed = readManifestFile(signatureFile, "signature-version", name);
  if (signed.main.attributes.get("signature-version") !== "1.0") throw unsupported(`${name} is not of version 1.0`);
  const whole = coversWhole(signed, bytes);
  if (!whole) requireMainAttributes(signed, manifest, name);
  for (const [entry, file] of jar.files) {
    const section = manifest.sections.get(entry);
    if (section === undefined) throw forged(`the entry ${entry} was added: the manifest does not name it`);
    if (!whole) requireSection(signed, entry, section);
    requireFile(entry, section, file);
  }
  for (const [entry, section] of manifest.sections)
    if (!jar.files.has(entry) && hasDigest(section)) throw forged(`the entry ${entry} was signed and is missing`);
}

/** JAR specification, "Signature Validation": a digest of the manifest's very bytes makes all its sections good. */
function coversWhole(signed: ManifestFile, manifest: Uint8Array): boolean {
  const { strong } = digestsIn(signed.main, "digest-manifest", "the signature file");
  return strong.length > 0 && strong.every(({ algorithm, value }) => hash(algorithm, manifest, "buffer").equals(value));
}

/** The main attributes say where classes are looked for (Class-Path, Multi-Release): a manifest that grew has to keep them. */
function requireMainAttributes(signed: ManifestFile, manifest: ManifestFile, name: string): void {
  const what = `the manifest's main attributes, by ${name},`;
  requireDigest(signed.main, "digest-manifest-main-attributes", manifest.main.bytes, what);
}

function requireSection(signed: ManifestFile, entry: string, section: Section): void {
  const covering = signed.sections.get(entry);
  if (covering === undefined) throw forged(`the entry ${entry} was added: this signer did not sign it`);
  requireDigest(covering, "digest", section.bytes, `what the manifest says of ${entry}`);
}

function requireDigest(section: Section, kind: DigestKind, bytes: Uint8Array, what: string): void {
  const { strong, weak } = digestsIn(section, kind, what);
  if (strong.length === 0) throw uncovered(what, weak);
  for (const { algorithm, value } of strong)
    if (!hash(algorithm, bytes, "buffer").equals(value)) throw forged(`${what} is not what was signed`);
}

function requireFile(entry: string, section: Section, { digests }: JarFile): void {
  if (section.attributes.has("magic")) throw unsupported(`the entry ${entry} asks for a verifier of its own`);
  const { strong, weak } = digestsIn(section, "digest", `the manifest's section ${entry}`);
  if (strong.length === 0) throw uncovered(`the entry ${entry}`, weak);
  for (const { algorithm, value } of strong)
    if (digests[algorithm]?.equals(value) !== true) throw forged(`the entry ${entry} is not what was signed`);
}

function uncovered(what: string, weak: readonly string[]): Refusal {
  return weak.length === 0
    ? forged(`${what} has no digest, so no signature covers it`)
    : unsupported(`${what} is covered by ${weak.join(" and ")} alone, which proves nothing any more`);
}

function hasDigest(section: Section): boolean {
  const { strong, weak } = digestsIn(section, "digest", "the manifest");
  return strong.length + weak.length > 0;
}

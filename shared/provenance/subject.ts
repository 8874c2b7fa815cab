import type { Sha256 } from "../model/ids.ts";

/** The file a question is about. Digests are lower-case hexadecimal; a purl only where a package manager says so. */
export interface Subject {
  readonly sha256: Sha256;
  readonly sha512?: string;
  /** The file's name, for formats that bind it (PEP 740). */
  readonly name?: string;
  readonly package?: PackageName;
  /** The bytes themselves, for the few signatures that cannot be checked over a digest (Ed25519, OpenPGP). */
  readonly bytes?: Uint8Array;
}

export interface PackageName {
  readonly ecosystem: "npm" | "pypi";
  readonly name: string;
  readonly version: string;
}

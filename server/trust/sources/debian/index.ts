export { type Archive, openArchive, trustKeyOf } from "./archive.ts";
export type { DebContents } from "./deb-contents.ts";
export { type DerivedDeb, deriveDeb } from "./derive-deb.ts";
export { type Keyring, openKeyrings } from "./keyring.ts";
export { type DebLimits, debLimits } from "./limits.ts";
export { type Candidate, type Located, openLocate } from "./locate.ts";

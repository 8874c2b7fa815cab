import type { Instant, Purl, Sha256 } from "./ids.ts";

/** Every `path`, `root` and `location` here is text as `shared/lib/path-text.ts` writes it, absolute inside its root. */

export const ecosystemIds = ["deb", "npm", "pypi"] as const;
export type EcosystemId = (typeof ecosystemIds)[number];

/** One installed package in one place. The same purl may be installed in several places of a device. */
export interface InstalledPackage {
  readonly purl: Purl;
  readonly ecosystem: EcosystemId;
  readonly name: string;
  readonly version: string;
  readonly arch?: string;
  /** Who made or shipped it, in the ecosystem's own words: a maintainer, a registry URL, an index. */
  readonly origin?: string;
  /** The package's folder (npm), its .dist-info or .egg-info (PyPI), or the dpkg database's folder (deb). */
  readonly location: string;
  /** "" for the device's own root, else the folder that is the root of a container or chroot. */
  readonly root: string;
  /** The source package, where the ecosystem has one. */
  readonly source?: { readonly name: string; readonly version: string };
  /** deb: the dpkg state that is not plain "installed" ("half-configured"). */
  readonly state?: string;
  /** npm and PyPI: what a lockfile or direct_url.json pins, "sha512-..." in SRI form. */
  readonly integrity?: string;
  /** npm: the lockfile that `integrity` stands in. */
  readonly integrityFrom?: string;
}

/** Something that could not be read as what it should be. It never stops a scan, and it is never taken as proof. */
export interface InventoryProblem {
  readonly path: string;
  readonly basis: "unreadable" | "unsupported";
  readonly why: string;
}

/** What an unsigned record on the device says about one file: dpkg's md5sums, a RECORD line, a lockfile through the npm cache. */
export interface FileRecord {
  readonly path: string;
  readonly purl: Purl;
  readonly via: "dpkg-list" | "dpkg-md5sums" | "pypi-record" | "npm-folder" | "npm-cache";
  readonly role: "file" | "conffile" | "generated";
  readonly expected?: { readonly algorithm: "md5" | "sha256" | "sha384" | "sha512" | "sha1"; readonly hex: string };
  /** The lockfile's or archive's digest that `expected` was reached through, for `pinned`. */
  readonly pinnedBy?: {
    readonly lockfile: string;
    readonly integrity: string;
    /** The SHA-256 of the archive as it was read on the device: documents may say more of it than the lockfile does. */
    readonly archive?: Sha256;
    /** The package whose archive it is: the file's own, or the one that bundles it. */
    readonly purl?: Purl;
  };
  /** For `generated`: the file it was made from. */
  readonly parent?: string;
  /** For `generated`: whether the file itself names `parent` as it is now (a .pyc header). It says nothing of its code. */
  readonly parentMatch?: { readonly agrees: "yes" | "no" | "not-compared"; readonly why: string };
  /**
   * deb: where the package put it before a diversion, an alternative or the /usr merge gave it this path, or
   * "DEBIAN/postinst" and the like for a maintainer script that dpkg keeps.
   */
  readonly packagedAs?: string;
}

/** One archive that apt on the device is configured with, and the keys that may sign it. */
export interface AptSource {
  readonly uri: string;
  readonly suite: string;
  /** Empty for a flat repository (suite ends in "/"). */
  readonly components: readonly string[];
  readonly architectures: readonly string[];
  /** OpenPGP keyrings, binary or armoured, base64: those Signed-By names, else all of trusted.gpg.d. */
  readonly keyrings: readonly { readonly path: string; readonly base64: string }[];
  /** Signed-By fingerprints that narrow the keyrings, upper-case hex without spaces. */
  readonly fingerprints: readonly string[];
  /** The configuration file it stands in. */
  readonly from: string;
}

export const fileKinds = ["elf", "library", "script", "mapped"] as const;
export type FileKind = (typeof fileKinds)[number];

/** Device, inode, size and change time: while these four are equal, the bytes are taken to be equal. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly ctimeMs: number;
}

/** All the device says about one file. A verdict is computed from this, the proofs, the trust and the time. */
export interface FileFacts {
  readonly path: string;
  readonly root: string;
  readonly kind: FileKind;
  readonly identity: FileIdentity;
  /** Unix mode bits, setuid and the like included. */
  readonly mode: number;
  readonly uid: number;
  /** File capabilities are set (security.capability). */
  readonly digest?: Sha256;
  /** Why there is no digest. */
  readonly unreadable?: string;
  readonly records: readonly JudgedRecord[];
  readonly seenAt: Instant;
}

/** A record with its comparison already made on the device (it alone has the bytes for md5 and sha512). */
export interface JudgedRecord extends FileRecord {
  readonly agrees: "yes" | "no" | "not-compared";
  /** For `generated`: the parent's digest as it is now. */
  readonly parentDigest?: Sha256;
}

import type { Sha256 } from "../model/ids.ts";
import type { ChainLink } from "../model/verdict.ts";

/** What a signed archive says about one package version, for one device's sources and keys. */
export type PackageProof =
  | ({
      readonly state: "derived";
      readonly says: string;
      /** Other signed builds of the same version with other bytes; which one is installed only its files can tell. */
      readonly otherBuilds: readonly SignedBuild[];
    } & SignedBuild)
  | {
      readonly state: "lapsed" | "unsupported" | "failed" | "unreachable" | "stale";
      readonly says: string;
      readonly wanted: string;
    };

/** One .deb whose SHA-256 a signed index lists. `links` (signature, index, archive, package) are shared by all its files. */
export interface SignedBuild {
  readonly archive: Sha256;
  readonly links: readonly ChainLink[];
  readonly files: readonly PackagedFile[];
  readonly symlinks: readonly PackagedSymlink[];
  readonly scripts: readonly MaintainerScript[];
  readonly conffiles: readonly string[];
  readonly diversions: readonly ScriptMention[];
  readonly alternatives: readonly ScriptMention[];
}

/** A regular file, or a hard link to one. Paths are as packaged: shared/ecosystems/deb/usr-merge.ts moves them. */
export interface PackagedFile {
  readonly path: string;
  readonly sha256: Sha256;
  readonly size: number;
  readonly mode: number;
  /** Set for a hard link: the path it shares its bytes with. */
  readonly hardLinkTo?: string;
  /** What the package's own md5sums lists for it, to be compared with the record on the device. */
  readonly md5?: string;
}

export interface PackagedSymlink {
  readonly path: string;
  readonly target: string;
}

/** preinst, postinst, prerm, postrm, config, triggers and the like, as dpkg keeps them in its info folder. */
export interface MaintainerScript {
  readonly name: string;
  readonly sha256: Sha256;
  readonly size: number;
}

/** A line of a maintainer script that calls dpkg-divert or update-alternatives. Information only, never proof. */
export interface ScriptMention {
  readonly script: string;
  readonly line: string;
  readonly action: "add" | "remove" | "other";
  /** The absolute paths the line names in plain words; empty where the shell would have to be run to know. */
  readonly paths: readonly string[];
}

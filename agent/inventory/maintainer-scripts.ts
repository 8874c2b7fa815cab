import type { State } from "../state/state.ts";

/** A root's own dpkg, the maker of what lies in its folder. */
export const dpkgProgram = "/usr/bin/dpkg";

/**
 * What dpkg kept of packages' scripts before the first pass: no record on the device holds a digest of them, so the pass that meets them
 * first writes it down. Taken where the root's dpkg is vouched for, and only what belongs to dpkg's own user and nobody else may write.
 */
export function keepMaintainerScripts(state: State): void {
  state.exec(`INSERT OR IGNORE INTO maintainer_scripts (root, path, digest, at, older)
    SELECT script.root, script.path, script.digest, script.seen_at, 1 FROM files AS script
    JOIN files AS dpkg ON dpkg.root = script.root AND dpkg.path = '${dpkgProgram}' AND dpkg.uid = script.uid
    WHERE script.path GLOB '/var/lib/dpkg/info/*' AND script.digest IS NOT NULL AND script.mode & 18 = 0
      AND (dpkg.standing IN ('proven', 'signed') OR dpkg.basis = 'recorded') AND ${isListed("script")}`);
}

/**
 * What is another file now, or of a package that dpkg does not know any more, is not what was kept. `since`: when the pass began; what dpkg
 * put there after it may not have been met.
 */
export function forgetMaintainerScripts(state: State, since: number): void {
  state
    .prepare(
      `DELETE FROM maintainer_scripts WHERE at < ? AND NOT EXISTS (
        SELECT 1 FROM files AS script WHERE script.root = maintainer_scripts.root AND script.path = maintainer_scripts.path
          AND script.digest = maintainer_scripts.digest AND ${isListed("script")})`,
    )
    .run(since);
}

/** dpkg's database says that it is a script of a package that is there, or left something. */
const isListed = (file: string): string =>
  `EXISTS (SELECT 1 FROM json_each(${file}.records) WHERE value ->> 'packagedAs' GLOB 'DEBIAN/*')`;

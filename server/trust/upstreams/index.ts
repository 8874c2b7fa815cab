import { folders } from "./folder/folder.ts";
import { github, type GithubSettings } from "./github/github.ts";
import { npmRegistry } from "./npm/npm.ts";
import { ociRegistries } from "./oci/oci.ts";
import { pypiIndex } from "./pypi/pypi.ts";
import type { Upstream } from "./upstream.ts";

export { readImage } from "./oci/oci.ts";

/** Which upstreams the owner wants asked. What is not named is not asked. */
export interface UpstreamSettings {
  /** The public npm registry and PyPI, for packages that devices have. */
  readonly registries: boolean;
  readonly npm: string;
  readonly pypi: string;
  readonly github?: GithubSettings;
  readonly images: readonly string[];
  readonly folders: readonly string[];
}

/** Every upstream, one line each. */
export function openUpstreams(settings: UpstreamSettings): readonly Upstream[] {
  const { registries, images } = settings;
  return [
    ...(registries ? [npmRegistry(settings.npm), pypiIndex(settings.pypi)] : []),
    ...(settings.github === undefined ? [] : [github(settings.github)]),
    ...(images.length === 0 ? [] : [ociRegistries(images)]),
    ...(settings.folders.length === 0 ? [] : [folders(settings.folders)]),
  ];
}

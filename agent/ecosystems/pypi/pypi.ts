import { readDirectUrl } from "@provost/shared/ecosystems/pypi/direct-url.ts";
import { readMetadata } from "@provost/shared/ecosystems/pypi/metadata.ts";
import { pypiPurl } from "@provost/shared/ecosystems/purl.ts";
import { safeText } from "@provost/shared/lib/path-text.ts";
import type { InstalledPackage, InventoryProblem } from "@provost/shared/model/inventory.ts";
import type { DiskEcosystem, Found } from "../ecosystem.ts";
import { problemOf, type RootView } from "../root-view.ts";
import { pypiDeclared } from "./declared.ts";
import { installedPlaces } from "./places.ts";
import { pypiRecords } from "./recorded.ts";

/** Python distributions of every interpreter and environment: what `pip list` would list in each. */
export const pypi: DiskEcosystem = {
  id: "pypi",
  packages: pypiPackages,
  declared: pypiDeclared,
  records: (view, packages, wanted) =>
    pypiRecords(
      view,
      packages.filter((installed) => installed.ecosystem === "pypi"),
      wanted,
    ),
};

function* pypiPackages(view: RootView, found: Found): Generator<InstalledPackage | InventoryProblem> {
  for (const place of installedPlaces(view, found.distInfos))
    yield typeof place === "string" ? packageAt(view, place) : place;
}

const MAX_SMALL = 64 * 1024;

function packageAt(view: RootView, location: string): InstalledPackage | InventoryProblem {
  const path = metadataPath(view, location);
  const opened = view.chunks(path);
  if (opened.kind === "absent") return { path: location, basis: "unsupported", why: "it has no metadata" };
  if (opened.kind === "refused") return problemOf(path, opened);
  const metadata = readMetadata(opened.chunks);
  if (metadata.kind === "refused") return { path, basis: "unsupported", why: metadata.why };
  const { name, version } = metadata;
  const purl = pypiPurl(name, version);
  if (purl === undefined) return { path, basis: "unsupported", why: "its name and version make no package URL" };
  return { purl, ecosystem: "pypi", name, version, location, root: view.root, ...provenanceOf(view, location) };
}

/** PEP 376 METADATA; setuptools PKG-INFO in a folder; distutils, where the egg-info is that file itself. */
function metadataPath(view: RootView, location: string): string {
  if (location.endsWith(".dist-info")) return `${location}/METADATA`;
  const status = view.status(location);
  return status.found && status.kind === "folder" ? `${location}/PKG-INFO` : location;
}

function provenanceOf(view: RootView, location: string): Pick<InstalledPackage, "origin" | "integrity"> {
  if (!location.endsWith(".dist-info")) return {};
  const direct = view.read(`${location}/direct_url.json`, MAX_SMALL);
  const { url, integrity } = direct.kind === "bytes" ? readDirectUrl(direct.bytes) : {};
  const origin = url ?? installerOf(view, location);
  return { ...(origin !== undefined && { origin: safeText(origin) }), ...(integrity !== undefined && { integrity }) };
}

/** PEP 376: the tool that installed it, the first line of INSTALLER. */
function installerOf(view: RootView, location: string): string | undefined {
  const read = view.read(`${location}/INSTALLER`, MAX_SMALL);
  const tool =
    read.kind === "bytes" ? new TextDecoder().decode(read.bytes.subarray(0, 100)).split("\n")[0]?.trim() : "";
  return tool ? `installed by ${tool}` : undefined;
}

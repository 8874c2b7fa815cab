import type { StatusStanza } from "@provost/shared/ecosystems/deb/status.ts";
import { vendorOf } from "@provost/shared/ecosystems/os-release.ts";
import { debPurl } from "@provost/shared/ecosystems/purl.ts";
import type { InstalledPackage, InventoryProblem } from "@provost/shared/model/inventory.ts";
import type { DiskEcosystem } from "../ecosystem.ts";
import type { RootView } from "../root-view.ts";
import { installedPackages } from "./database.ts";
import { debRecords } from "./owners.ts";

/** Debian packages, from dpkg's own files: what `dpkg-query -W` would list, removed ones that left files included. */
export const deb: DiskEcosystem = {
  id: "deb",
  packages: debPackages,
  records: (view, packages, wanted) =>
    debRecords(
      view,
      packages.filter((installed) => installed.ecosystem === "deb"),
      wanted,
    ),
};

function* debPackages(view: RootView): Generator<InstalledPackage | InventoryProblem> {
  const vendor = vendorAt(view);
  for (const item of installedPackages(view)) {
    if (!("stanza" in item)) yield item;
    else if (item.stanza.state !== "not-installed") yield packageOf(view, vendor, item.stanza, item.location);
  }
}

function vendorAt(view: RootView): string {
  for (const path of ["/etc/os-release", "/usr/lib/os-release"]) {
    const read = view.read(path, MAX_OS_RELEASE);
    if (read.kind === "bytes") return vendorOf(read.bytes);
  }
  return vendorOf(undefined);
}

const MAX_OS_RELEASE = 64 * 1024;

function packageOf(
  view: RootView,
  vendor: string,
  stanza: StatusStanza,
  location: string,
): InstalledPackage | InventoryProblem {
  const { name, version, arch, state, maintainer, source } = stanza;
  const purl = debPurl(vendor, name, version, arch);
  if (purl === undefined) return { path: location, basis: "unsupported", why: `package ${name} makes no package URL` };
  const origin = stanza.origin ?? maintainer;
  return {
    purl,
    ecosystem: "deb",
    name,
    version,
    arch,
    location,
    root: view.root,
    ...(origin !== undefined && { origin }),
    ...(source && { source }),
    ...(state !== "installed" && { state }),
  };
}

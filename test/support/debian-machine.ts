import { readdirSync, readFileSync } from "node:fs";
import { readStanza, type Stanza } from "@provost/shared/ecosystems/deb/control.ts";
import type { AptSource } from "@provost/shared/model/inventory.ts";
import type { WantedPackage } from "../../server/trust/manifest-store.ts";

/** This machine's installed packages, for tests and benchmarks against its real archive. */
export function installedPackages(): readonly WantedPackage[] {
  return stanzas(readFileSync("/var/lib/dpkg/status", "utf8")).flatMap((stanza) => {
    const [name, version, arch, status] = ["package", "version", "architecture", "status"].map((field) =>
      stanza.get(field),
    );
    const installed =
      name !== undefined && version !== undefined && arch !== undefined && status?.endsWith(" installed") === true;
    return installed ? [{ name, version, arch, priority: 0 }] : [];
  });
}

/** The deb822 sources of this machine that lie on http, with the keyrings they name. */
export function aptSources(): readonly AptSource[] {
  const folder = "/etc/apt/sources.list.d";
  return readdirSync(folder)
    .filter((name) => name.endsWith(".sources"))
    .flatMap((name) =>
      stanzas(readFileSync(`${folder}/${name}`, "utf8")).flatMap((stanza) => sourcesOf(stanza, `${folder}/${name}`)),
    );
}

function stanzas(text: string): readonly Stanza[] {
  return text.split(/\n\n+/).flatMap((part) => {
    const reading = readStanza(part);
    return reading.kind === "stanza" ? [reading.stanza] : [];
  });
}

function sourcesOf(stanza: Stanza, from: string): readonly AptSource[] {
  const words = (field: string): readonly string[] =>
    (stanza.get(field) ?? "").split(/\s+/).filter((word) => word !== "");
  const keyrings = words("signed-by").flatMap((path) =>
    path.startsWith("/") ? [{ path, base64: readFileSync(path, "base64") }] : [],
  );
  return words("uris").flatMap((uri) =>
    words("suites").map((suite) => ({
      uri,
      suite,
      components: words("components"),
      architectures:
        words("architectures").length > 0 ? words("architectures") : [process.arch === "arm64" ? "arm64" : "amd64"],
      keyrings,
      fingerprints: [],
      from,
    })),
  );
}

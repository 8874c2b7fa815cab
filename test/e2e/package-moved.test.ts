/** A server, a device's word about its packages, and registries on loopback: what is told when a package comes from elsewhere. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { InstalledPackage } from "@provost/shared/model/inventory.ts";
import { DetectionQuery, IncidentQuery } from "@provost/shared/protocol/api.ts";
import { npmPurl, pypiPurl } from "@provost/shared/ecosystems/purl.ts";
import { incidentDetail } from "../../server/incidents/detail.ts";
import { packagesFrame } from "../support/frames.ts";
import { json, openLoopback, type Loopback } from "../support/loopback.ts";
import { enrolled } from "../support/raw-agent.ts";
import { openWorld, until, type World } from "../support/server-world.ts";
import { npmAttestations, pypiProvenance, type Built } from "../support/sigstore/registry-documents.ts";

const scratch = mkdtempSync(join(tmpdir(), "provost-moved-"));
let registry: Loopback;
let world: World;

const acme: Built = { repository: "acme/kit", repositoryId: "11", ownerId: "7" };
const eve: Built = { repository: "eve/kit", repositoryId: "99", ownerId: "66" };
const npm: readonly (readonly [name: string, version: string, built: Built | undefined])[] = [
  ["moved", "1.0.0", acme],
  ["moved", "1.1.0", eve],
  ["moved", "1.2.0", eve],
  ["self-built", "1.0.0", acme],
  ["self-built", "1.1.0", { ...acme, builder: "https://github.com/actions/runner/self-hosted" }],
  ["transferred", "1.0.0", acme],
  ["transferred", "1.1.0", { ...acme, repository: "kit-org/kit", ownerId: "8" }],
  ["renamed", "1.0.0", acme],
  ["renamed", "1.1.0", { ...acme, repository: "acme/kit-js" }],
  ["stays", "1.0.0", acme],
  ["stays", "1.1.0", acme],
  // Nobody vouches for 1.1.0; that it is told does not make 1.2.0 a beginning.
  ["gap", "1.0.0", acme],
  ["gap", "1.1.0", undefined],
  ["gap", "1.2.0", eve],
];
const pypi: readonly (readonly [name: string, version: string, built: Built | undefined])[] = [
  ["Moved_Py", "1.0", acme],
  ["Moved_Py", "1.1", eve],
  ["lost-py", "1.0", acme],
  ["lost-py", "1.1", undefined],
];

const installed = (ecosystem: "npm" | "pypi", name: string, version: string): InstalledPackage => ({
  purl: (ecosystem === "npm" ? npmPurl(name, version) : pypiPurl(name, version)) ?? ("" as never),
  ecosystem,
  name,
  version,
  location: `/srv/${name}-${version}`,
  root: "",
  ...(ecosystem === "npm" ? { origin: registry.address } : {}),
});

function furnish(): void {
  for (const [name, version, built] of npm) {
    if (built !== undefined)
      registry.routes.set(`/-/npm/v1/attestations/${name}@${version}`, json(npmAttestations(name, version, built)));
    registry.routes.set(`/${name}/${version}`, json({ name, version }));
  }
  for (const project of new Set(pypi.map(([name]) => name))) {
    const plain = project.toLowerCase().replaceAll("_", "-");
    const files = pypi
      .filter(([name]) => name === project)
      .map(([, version, built]) => {
        const filename = `${plain.replaceAll("-", "_")}-${version}-py3-none-any.whl`;
        if (built === undefined) return { filename };
        const path = `/integrity/${plain}/${version}/${filename}/provenance`;
        registry.routes.set(path, json(pypiProvenance(filename, built)));
        return { filename, provenance: registry.address + path };
      });
    registry.routes.set(`/simple/${plain}/`, json({ files }));
  }
}

beforeAll(async () => {
  registry = await openLoopback();
  furnish();
  const library = join(scratch, "library.yaml");
  writeFileSync(
    library,
    `upstreams:\n  npm: ${registry.address}\n  pypi: ${registry.address}\n  privateNetwork: true\n`,
  );
  world = await openWorld({ library, registries: true, allowPrivateArchives: true });
  const { raw } = await enrolled(world.address, world.token());
  raw.batch(1, [
    packagesFrame([
      ...npm.map(([name, version]) => installed("npm", name, version)),
      ...pypi.map(([name, version]) => installed("pypi", name, version)),
    ]),
  ]);
});
afterAll(async () => {
  await world.close();
  await registry.close();
  rmSync(scratch, { recursive: true, force: true });
});

const findings = () => world.parts.store.detections.detections(DetectionQuery.parse({ limit: 100 })).rows;
const about = (name: string) =>
  findings()
    .filter(({ sentence }) => sentence.startsWith(`${name} `))
    .map(({ rule, level, sentence }) => [rule.id.replace("provost.", ""), level, sentence]);

const ruleAndLevel = (name: string) =>
  about(name)
    .map(([rule, level]) => `${rule} ${level}`)
    .toSorted();

test("each version that comes from elsewhere, or with less, is told once, and no louder than what is known of it", async () => {
  await until(() => findings().length >= 8, "the findings", 30_000);
  const came = (version: string): string => `${version}, the attested version before it here, came from`;
  expect(about("moved")).toEqual([
    [
      "package-moved",
      "medium",
      `moved 1.1.0 in /srv/moved-1.1.0 is attested from github.com/eve/kit; ${came("1.0.0")} github.com/acme/kit.`,
    ],
  ]);
  expect(ruleAndLevel("self-built")).toEqual(["package-moved medium"]);
  expect(about("self-built")[0]?.[2]).toMatch(/was built by \S+self-hosted .* by \S+github-hosted /);
  expect(ruleAndLevel("transferred")).toEqual(["package-moved low"]);
  expect(ruleAndLevel("renamed")).toEqual(["package-moved informational"]);
  expect(about("stays")).toEqual([]);
  expect(ruleAndLevel("gap")).toEqual(["package-moved medium", "package-provenance medium"]);
  expect(ruleAndLevel("Moved_Py")).toEqual(["package-moved medium"]);
  expect(ruleAndLevel("lost-py")).toEqual(["package-provenance medium"]);
  expect(findings()).toHaveLength(8);
});

test("what may be an attack is an incident that names both places; a renamed repository is none", async () => {
  const rows = await until(
    () => {
      const found = world.parts.store.incidents.incidents(IncidentQuery.parse({ limit: 100 })).rows;
      return found.length >= 6 ? found : undefined;
    },
    "the incidents",
    10_000,
  );
  expect(rows.every(({ severity }) => severity === "medium")).toBe(true);
  expect(rows.some(({ sentence }) => /^(?:renamed|transferred) /.test(sentence))).toBe(false);
  const moved = rows.find(({ sentence }) => sentence.startsWith("moved 1.1.0"));
  const detail = incidentDetail(moved?.id ?? "", world.parts.store);
  expect(findings().find(({ sentence }) => sentence.startsWith("moved 1.1.0"))?.facts).toMatchObject({
    "attested before": "pkg:npm/moved@1.0.0",
    "repository before": "github.com/acme/kit",
    "repository now": "github.com/eve/kit",
  });
  expect(detail?.suggested).toEqual([]);
});

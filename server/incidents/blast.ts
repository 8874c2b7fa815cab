import type { DeviceId, Sha256 } from "@provost/shared/model/ids.ts";
import type { DetectedFinding } from "@provost/shared/model/detection.ts";
import { parsePurl } from "@provost/shared/ecosystems/purl.ts";
import type { Answer } from "@provost/shared/protocol/api.ts";
import { documentKeys, type DocumentKeys } from "@provost/shared/provenance/document-keys.ts";
import { subjectDigest } from "@provost/shared/provenance/said.ts";
import type { PackageAtRest } from "../intel/at-rest.ts";
import type { Store } from "../store/store.ts";
import type { StoredIncident } from "./incident-store.ts";

type Blast = Answer<"incident">["blast"][number];

/** So much is looked at for one page. */
const bounds = { rows: 200, packages: 20, documents: 20, signers: 5, named: 100 };

/**
 * Where else an incident may be at work: devices with the same bytes, with the packages it is about, and with what the same
 * identity signed, as the documents in the library say. Its own device stands in its process tree.
 */
export function blastOf(
  { device: own, digests }: StoredIncident,
  findings: readonly DetectedFinding[],
  store: Store,
): readonly Blast[] {
  const packages = packagesOf(findings);
  const found = new Map<string, Blast>();
  // One row for each device and thing: of several reasons the first, which is the strongest, stands.
  const add = (thing: string, row: Omit<Blast, "deviceName">, name?: string): void => {
    const key = `${row.device} ${thing}`;
    if (row.device === own || found.has(key)) return;
    const deviceName = name ?? store.inventory.device(row.device)?.name ?? row.device;
    found.set(key, { ...row, what: row.what.slice(0, 2000), deviceName });
  };
  const addBytes = (by: Blast["by"], digest: Sha256): void => {
    const { rows } = store.read.executables({ digest, limit: 100, sort: "-running" });
    for (const { device, deviceName, path, running } of rows)
      add(digest, { device, by, what: path, running }, deviceName);
  };
  const addPackage = (by: Blast["by"], purl: string): void => {
    for (const one of installsOf(purl, own, store))
      add(one.purl, { device: one.device, by, what: one.purl, running: 0 });
  };
  for (const digest of digests) addBytes("digest", digest);
  for (const purl of packages) addPackage("package", purl);
  for (const { subjects, purls } of signedAlike(digests, packages, store)) {
    if (found.size >= bounds.rows) break;
    for (const { algorithm, hex } of subjects.slice(0, bounds.named))
      if (algorithm === "sha256") addBytes("signer", hex as Sha256);
    for (const purl of purls.slice(0, bounds.named)) addPackage("signer", purl);
  }
  return [...found.values()].slice(0, bounds.rows);
}

/** Packages that findings are about. Those of the programs that took part are not: most of them are the system's own. */
function packagesOf(findings: readonly DetectedFinding[]): readonly string[] {
  const named = findings.flatMap(({ subject, facts }) => [
    ...(subject.kind === "package" ? [subject.purl] : []),
    ...(facts["package"]?.startsWith("pkg:") === true ? [facts["package"]] : []),
  ]);
  return [...new Set<string>(named)].slice(0, bounds.packages);
}

function installsOf(purl: string, own: DeviceId, { inventory }: Store): readonly PackageAtRest[] {
  const parts = parsePurl(purl);
  const type = parts?.type;
  if (parts === undefined || (type !== "npm" && type !== "pypi" && type !== "deb")) return [];
  const name = type === "npm" && parts.namespace !== undefined ? `${parts.namespace}/${parts.name}` : parts.name;
  if (parts.version !== undefined)
    return inventory.installsOf(type, name, parts.version).filter((one) => one.purl === purl);
  // An install hook is known by its package's name alone: what this device has of it is meant.
  const versions = inventory.installed(own).filter((one) => one.ecosystem === type && one.name === name);
  return [...new Set(versions.map(({ version }) => version))].flatMap((version) =>
    inventory.installsOf(type, name, version),
  );
}

/** What else whoever signed these is said to have signed. A registry's or archive's own key signs everything there, and is left out. */
function signedAlike(
  digests: readonly Sha256[],
  packages: readonly string[],
  { library }: Store,
): readonly DocumentKeys[] {
  const about = [
    ...digests.flatMap((hex) => {
      const digest = subjectDigest("sha256", hex);
      return digest === undefined ? [] : library.bySubject(digest);
    }),
    ...packages.flatMap((purl) => library.byPurl(purl, { limit: bounds.documents }).rows.map(({ sha256 }) => sha256)),
  ].slice(0, bounds.documents);
  const keysOf = (sha256: Sha256): readonly DocumentKeys[] => {
    const document = library.document(sha256);
    const reading = document === undefined ? undefined : documentKeys({ ...document, sha256 });
    return reading?.kind === "keys" ? [reading.keys] : [];
  };
  const signers = new Set(
    about.flatMap(keysOf).flatMap((keys) => keys.signers.filter((one) => /^[^ ]*(?::\/\/|@)[^ ]*$/.test(one))),
  );
  return [...signers]
    .slice(0, bounds.signers)
    .flatMap((signer) => library.bySigner(signer, { limit: bounds.documents }).rows)
    .flatMap(({ sha256 }) => keysOf(sha256));
}

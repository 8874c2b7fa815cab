/** `npm run conformance [-- --json] [-- --mutants[=N]]`: other projects' published cases, and which come out otherwise. */
import { bundleCases } from "./bundle-cases.ts";
import { ghCli, inTotoExamples, npmPacote, pypiAttestations, sigstoreJs } from "./documents.ts";
import { inventory } from "./inventory.ts";
import { mutants } from "./mutants.ts";
import { ociArtifacts } from "./oci-artifacts.ts";
import { openVex } from "./openvex.ts";
import { policyController } from "./policy-controller.ts";
import { purl } from "./purl.ts";
import { cycloneDx, spdx3 } from "./sbom.ts";
import { slsaVerifier } from "./slsa-verifier.ts";
import { writtenSboms } from "./written-sbom.ts";
import { haveVectors, vectorsRoot, type SetResult } from "./vectors.ts";

const sets: readonly (() => Promise<SetResult>)[] = [
  bundleCases,
  slsaVerifier,
  pypiAttestations,
  npmPacote,
  inTotoExamples,
  sigstoreJs,
  ghCli,
  ociArtifacts,
  policyController,
  purl,
  cycloneDx,
  spdx3,
  openVex,
  inventory,
  writtenSboms,
];
const wanted = process.argv.map((argument) => /^--mutants(?:=(\d+))?$/.exec(argument)).find((found) => found !== null);
const mutantCount = wanted == null ? 1000 : Number(wanted[1] ?? 100_000);

if (!haveVectors()) {
  process.stderr.write(`no vectors at ${vectorsRoot}; set PROVOST_VECTORS\n`);
  process.exitCode = 2;
} else {
  const results: SetResult[] = [];
  for (const set of sets) results.push(await set());
  results.push(await mutants(mutantCount, 20_261_122));
  print(results);
  process.exitCode = results.every(({ unexpected }) => unexpected.length === 0) ? 0 : 1;
}

function print(results: readonly SetResult[]): void {
  if (process.argv.includes("--json")) {
    process.stdout.write(`${JSON.stringify({ sets: results }, undefined, 1)}\n`);
    return;
  }
  for (const { name, total, asExpected, unexpected, counts = {}, leftOut = [] } of results) {
    process.stdout.write(`${name}: ${asExpected} of ${total} as expected\n`);
    for (const [format, parts] of Object.entries(counts)) {
      const each = Object.entries(parts).map(([part, count]) => `${part} ${count}`);
      process.stdout.write(`  ${format}: ${each.join(", ")}\n`);
    }
    for (const id of unexpected) process.stdout.write(`  unexpected: ${id}\n`);
    for (const id of leftOut) process.stdout.write(`  left out: ${id}\n`);
  }
}

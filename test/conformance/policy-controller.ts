import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readClusterImagePolicy } from "@provost/shared/policy/cluster-image-policy.ts";
import { provenance, setResult, type CaseResult, type SetResult } from "./vectors.ts";

/** The folder's name says whether a ClusterImagePolicy is valid; every one of the examples and end-to-end tests is. */
export async function policyController(): Promise<SetResult> {
  const folders: readonly (readonly [string, boolean])[] = [
    ["test/testdata/policy-controller/valid", true],
    ["test/testdata/policy-controller/invalid", false],
    ["test/testdata/policy-controller/tester", true],
    ["test/testdata/policy-controller/e2e", true],
    ["examples/policies", true],
  ];
  const results = folders.flatMap(([folder, valid]) => inFolder(folder, valid));
  return Promise.resolve(setResult("policy-controller", results));
}

function inFolder(folder: string, valid: boolean): readonly CaseResult[] {
  const path = provenance("policy-controller", ...folder.split("/"));
  if (!existsSync(path)) return [];
  const files = readdirSync(path).filter((name) => name.endsWith(".yaml"));
  return files.flatMap((name) => {
    const text = readFileSync(`${path}/${name}`, "utf8");
    if (!/^kind: ClusterImagePolicy$/m.test(text)) return [];
    const read = readClusterImagePolicy(text);
    return [
      {
        id: `${folder}/${name}`,
        asExpected: read.ok === (valid && !template.test(text)),
        got: read.ok ? "valid" : read.why,
      },
    ];
  });
}

/** One example is a template: until its "<< region >>" is filled in, it names no key. */
const template = /<< [a-z ]+ >>/;

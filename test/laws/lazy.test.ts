import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";
import { read, top } from "./repository.ts";

/**
 * `provost status` on a small device has no use for a verifier of certificates: what the command line loads at its start is its own
 * verbs. The engine and the libraries for signing come with `import()` where a document is met.
 */
const start = loadedBy("agent/provost.ts");
const daemon = loadedBy("agent/main.ts");
const later = loadedBy("agent/commands/judge-documents.ts");

const heavy = [
  "shared/provenance/verify.ts",
  "shared/provenance/formats/index.ts",
  "shared/provenance/default-trust.ts",
  "shared/policy/policy.ts",
  "@sigstore/sign",
  "openpgp",
  "yaml",
];

test("the reader finds what it looks for: whoever judges documents loads the engine", () => {
  expect(heavy.filter((name) => !later.has(name))).toEqual(["@sigstore/sign", "openpgp"]);
  expect(start.has("agent/commands/verify.ts")).toBe(true);
});

test.each([
  ["the command line", start],
  ["the daemon", daemon],
])("%s starts without the provenance engine, the policy and the libraries of both", (_name, loaded) => {
  expect(heavy.filter((name) => loaded.has(name))).toEqual([]);
});

test("no part of the agent imports node:http: as a module it loads fetch and WebSocket, 10 MB in a daemon that uses neither", () => {
  expect(loadedBy("agent/link/probe.ts").has("node:net")).toBe(true);
  for (const entry of ["agent/main.ts", "agent/gate/start.ts", "agent/actions/start.ts", "agent/inventory/scan.ts"])
    expect([entry, loadedBy(entry).has("node:http")]).toEqual([entry, false]);
});

test("nothing loads the library for signing but the files that sign with an identity", () => {
  expect(start.has("agent/signing/keyless.ts")).toBe(false);
  expect(later.has("agent/signing/keyless.ts")).toBe(false);
});

/** Every file and package that is loaded with this one: its imports of values, and theirs. */
function loadedBy(entry: string): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [entry];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (found.has(path)) continue;
    found.add(path);
    if (!existsSync(join(top, path)) || !path.endsWith(".ts")) continue;
    open.push(...importsOf(path));
  }
  return found;
}

function importsOf(path: string): readonly string[] {
  const statements = read(path).matchAll(/^(?:import|export)\b(?! type\b)[^;"]*? from "([^"]+)"|^import "([^"]+)"/gm);
  return [...statements].map(([, from = "", alone = ""]) => {
    const name = from === "" ? alone : from;
    if (name.startsWith("@provost/")) return name.slice("@provost/".length);
    return name.startsWith(".") ? relative(top, join(top, dirname(path), name)) : name;
  });
}

import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import type { OfferedPackage } from "./packages.ts";
import { installScript, pasteLine, verifyFirst } from "./script.ts";

const offered = (kind: OfferedPackage["kind"], file: string): OfferedPackage => ({
  file,
  kind,
  machine: "x86_64",
  version: "0.1.0",
  sha256: "a".repeat(64),
  bytes: 1,
});
const scene = { address: "https://provost.example:4680", pin: "sha256//AAAA", packages: [] };

test.each([
  ["deb", "provost_0.1.0_amd64.deb", "sudo dpkg -i provost_0.1.0_amd64.deb"],
  ["rpm", "provost-0.1.0-1.x86_64.rpm", "sudo rpm -U provost-0.1.0-1.x86_64.rpm"],
  [
    "tar",
    "provost-0.1.0-linux-x64.tar.gz",
    "tar -xzf provost-0.1.0-linux-x64.tar.gz && sudo ./provost-0.1.0-linux-x64/install.sh",
  ],
] as const)("looking first at a %s: fetch it with its provenance, verify, install, enrol", (kind, file, install) => {
  const lines = verifyFirst({ ...scene, packages: [offered(kind, file)] }, "pvt1.token");
  expect(lines).toHaveLength(4);
  expect(lines[0]).toContain(`/install/${file} https://provost.example:4680/install/${file}.sigstore.json`);
  expect(lines[1]).toMatch(/^cosign verify-blob-attestation .*--type slsaprovenance1 /);
  expect(lines[2]).toBe(install);
  expect(lines[3]).toMatch(
    /^echo 'pvt1\.token' \| .*provost enrol --server 'wss:\/\/provost\.example:4680\/agent' --token-file -$/,
  );
});

test("what is pasted, and the script behind it, are what a shell understands", () => {
  const script = installScript({ ...scene, packages: [offered("deb", "provost_0.1.0_amd64.deb")] });
  for (const text of [script, pasteLine(scene, "pvt1.token")])
    expect(spawnSync("sh", ["-n"], { input: text, encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
});

test.each([
  [{ PROVOST_TOKEN: "" }, /the token is missing: paste the whole line/],
  [{ PROVOST_TOKEN: "pvt1.x" }, /this server offers no \w+ package for \S+: put one into the folder/],
])("the script says what it lacks before it does anything", (env, says) => {
  const ran = spawnSync("sh", ["-s"], {
    input: installScript(scene).replace('[ "$(id -u)" -eq 0 ]', "true"),
    env: { PATH: process.env["PATH"], ...env },
    encoding: "utf8",
  });
  expect([ran.status, ran.stderr]).toEqual([1, expect.stringMatching(says)]);
});

import { expect, test } from "vitest";
import type { ChainLink } from "../model/verdict.ts";
import { builtFrom } from "./built.ts";

const link = (
  name: ChainLink["link"],
  facts: Record<string, string>,
  state: ChainLink["state"] = "verified",
): ChainLink => ({
  link: name,
  state,
  says: "",
  facts,
});

test("what the verified links of a chain say of a build", () => {
  const chain = [
    link("source", {
      repository: "github.com/octo/app",
      reference: "refs/tags/v1",
      "base reference": "refs/heads/main",
      commit: "c1",
    }),
    link("build", {
      builder: "b",
      "build type": "t",
      workflow: "w",
      runner: "github-hosted",
      "input channel": "stable",
    }),
    link("signature", { issuer: "https://issuer", identity: "me", verifier: "v", "verified levels": "A, B" }),
    link("log", { "index in one": "7", "index in two": "8", "proofs of time": "2" }),
  ];
  expect(builtFrom({ chain })).toEqual({
    ref: "refs/tags/v1",
    branch: "main",
    tag: "v1",
    commit: "c1",
    owner: "github.com/octo",
    workflow: "w",
    buildType: "t",
    runner: "hosted",
    inputs: { channel: "stable" },
    issuer: "https://issuer",
    logEntries: 2,
    times: 2,
    verifier: "v",
    verifiedLevels: ["A", "B"],
  });
});

test("links that are not verified say nothing", () => {
  const facts = { repository: "github.com/octo/app", reference: "refs/heads/main", issuer: "x", runner: "self-hosted" };
  for (const state of ["missing", "failed", "recorded"] as const) {
    const chain = (["source", "build", "signature", "log"] as const).map((name) => link(name, facts, state));
    expect(builtFrom({ chain })).toEqual({});
  }
});

test("a runner nobody knows is none, and a bare repository has no owner", () => {
  const chain = [link("source", { repository: "app" }), link("build", { runner: "hosted-somewhere" })];
  expect(builtFrom({ chain })).toEqual({});
});

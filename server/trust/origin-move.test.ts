import { expect, test } from "vitest";
import type { BuildOrigin } from "@provost/shared/provenance/build-origin.ts";
import { moveBetween } from "./origin-move.ts";

const hosted = "https://github.com/actions/runner/github-hosted";
const actions = "https://token.actions.githubusercontent.com";
const kit: BuildOrigin = {
  repository: "github.com/acme/kit",
  repositoryId: "11",
  ownerId: "7",
  builder: hosted,
  issuer: actions,
};
const gitlab = (repository: string, runner: number): BuildOrigin => ({
  repository,
  builder: `https://${repository}/-/runners/${runner}`,
  issuer: "https://gitlab.com",
});
const generator = (version: string): string =>
  `https://github.com/slsa-framework/slsa-github-generator/.github/workflows/builder_nodejs_slsa3.yml@refs/tags/${version}`;

test.each<[string, BuildOrigin, BuildOrigin, string, RegExp]>([
  [
    "a fork publishes",
    kit,
    { ...kit, repository: "github.com/eve/kit", repositoryId: "99", ownerId: "66" },
    "repository",
    /^is attested from github\.com\/eve\/kit; 1\.0, .* came from github\.com\/acme\/kit\.$/,
  ],
  [
    "the name was given up and taken by somebody else",
    kit,
    { ...kit, repositoryId: "99", ownerId: "66" },
    "repository",
    /another repository of the same name/,
  ],
  [
    "the documents hold no numbers",
    { repository: "github.com/acme/kit" },
    { repository: "github.com/acme/kit2" },
    "repository",
    /acme\/kit2; 1\.0/,
  ],
  [
    "a machine of somebody's own builds it",
    kit,
    { ...kit, builder: "https://github.com/actions/runner/self-hosted" },
    "builder",
    /^was built by https:\S+self-hosted of /,
  ],
  [
    "another CI system builds it",
    { ...kit, repository: "example.org/kit" },
    {
      ...kit,
      repository: "example.org/kit",
      repositoryId: "1",
      builder: "https://ci.example",
      issuer: "https://ci.example",
    },
    "builder",
    /by https:\/\/ci\.example of https:\/\/ci\.example; 1\.0/,
  ],
  ["the project moves to GitLab", kit, gitlab("gitlab.com/acme/kit", 3), "repository", /gitlab\.com\/acme\/kit; 1\.0/],
  [
    "the repository was given to an organisation",
    kit,
    { ...kit, repository: "github.com/kit-org/kit", ownerId: "8" },
    "transferred",
    /its host says is the same repository with another owner/,
  ],
  [
    "the repository was renamed",
    kit,
    { ...kit, repository: "github.com/acme/kit-js" },
    "renamed",
    /the same repository under another name/,
  ],
])("%s", (_what, before, now, kind, says) => {
  const move = moveBetween([before], [now]);
  expect(move?.kind).toBe(kind);
  expect(move?.says("1.0")).toMatch(says);
  expect(move?.facts).toMatchObject({ "repository before": before.repository, "repository now": now.repository });
});

test.each<[string, BuildOrigin, BuildOrigin]>([
  ["the same again", kit, kit],
  ["documents without numbers after such with them", kit, { repository: kit.repository }],
  ["the runner got its longer name", { ...kit, builder: "https://github.com/actions/runner" }, kit],
  ["another of GitLab's runners", gitlab("gitlab.com/acme/kit", 3), gitlab("gitlab.com/acme/kit", 12_345)],
  ["a newer generator", { ...kit, builder: generator("v1.9.0") }, { ...kit, builder: generator("v2.0.0") }],
])("no move: %s", (_what, before, now) => {
  expect(moveBetween([before], [now])).toBeUndefined();
});

test("a document that names the old place beside the new one hides nothing, and what names no place says nothing", () => {
  const eve = { ...kit, repository: "github.com/eve/kit", repositoryId: "99" };
  expect(moveBetween([kit], [kit, eve])?.kind).toBe("repository");
  expect(moveBetween([kit, eve], [eve])).toBeUndefined();
  expect(moveBetween([], [kit])).toBeUndefined();
  expect(moveBetween([kit], [])).toBeUndefined();
});

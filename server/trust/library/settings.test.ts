import { expect, test } from "vitest";
import { librarySettings } from "./settings.ts";

const read = (text: string) => librarySettings(text, true, (path) => `content of ${path}\n`);

test("without settings the public registries are asked, and nobody's CI may add anything", () => {
  expect(read("")).toEqual({
    issuers: [],
    upstreams: {
      registries: true,
      npm: "https://registry.npmjs.org",
      pypi: "https://pypi.org",
      images: [],
      folders: [],
    },
    privateNetwork: false,
  });
});

test("everything the owner may say is read", () => {
  const found = read(`
upstreams:
  npm: https://npm.example
  github: { releases: [octo/app], attestations: [octo, octo/app], tokenFile: /etc/provost/github }
  images: [reg.example/team/app:1.0]
  folders: [/srv/evidence]
  privateNetwork: true
issuers:
  - name: GitHub
    issuer: https://token.actions.githubusercontent.com
    audience: https://provost.example
    claims: { repository: { exact: octo/app }, ref: { pattern: "refs/tags/v.+" } }
    scopes: [documents:write]
    limits: { repository: { exact: github.com/octo/app } }
`);
  expect(found.upstreams).toMatchObject({
    npm: "https://npm.example",
    github: {
      api: "https://api.github.com",
      releases: ["octo/app"],
      attestations: ["octo", "octo/app"],
      token: "content of /etc/provost/github",
    },
    images: ["reg.example/team/app:1.0"],
    folders: ["/srv/evidence"],
  });
  expect(found.issuers).toEqual([
    {
      name: "GitHub",
      issuer: "https://token.actions.githubusercontent.com",
      audience: "https://provost.example",
      claims: { repository: { exact: "octo/app" }, ref: { pattern: "refs/tags/v.+" } },
      scopes: ["documents:write"],
      limits: { repository: { exact: "github.com/octo/app" } },
      privateNetwork: false,
    },
  ]);
});

const issuer = (more: string): string =>
  `issuers: [{ name: x, issuer: "https://i.example", audience: a, claims: { sub: { exact: s } }, scopes: [documents:read], ${more} }]`;

test.each<readonly [string, string, RegExp]>([
  ["no YAML", "a: [", /no YAML/],
  ["a list", "- a", /expected object/],
  ["a word nobody knows", "upstream: {}", /upstream/],
  ["an upstream nobody knows", "upstreams: { maven: true }", /maven/],
  ["an issuer without claims", issuer("claims: {}").replace("claims: { sub: { exact: s } }, ", ""), /names no claim/],
  ["an issuer over http", issuer("").replace("https://i", "http://i"), /not named by https/],
  ["a pattern that takes for ever", issuer("limits: { purl: { pattern: '(a+)+' } }"), /repeats a repetition/],
  ["a scope nobody knows", issuer("").replace("documents:read", "root"), /scopes/],
  ["a folder that is relative", "upstreams: { folders: [srv] }", /absolute/],
  ["an image without a registry", "upstreams: { images: [app] }", /registry/],
  ["a registry that is a file", "upstreams: { npm: 'file:///etc/passwd' }", /npm/],
  ["a repository that climbs", "upstreams: { github: { releases: ['../x'] } }", /releases/],
  ["a document of a megabyte", `# ${"x".repeat(1024 * 1024)}`, /characters/],
])("settings with %s are refused by name", (_name, text, why) => {
  expect(() => read(text)).toThrow(
    expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringMatching(why) }),
  );
});

test("aliases that multiply are refused, not unfolded", () => {
  const bomb = [
    "a: &a [x,x,x,x,x,x,x,x,x]",
    ...["b", "c", "d", "e", "f", "g"].map(
      (name, at) => `${name}: &${name} [${Array(9).fill(`*${"abcdefg"[at]}`).join(",")}]`,
    ),
  ].join("\n");
  expect(() => read(bomb)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
});

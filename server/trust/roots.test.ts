import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { instant } from "@provost/shared/model/ids.ts";
import npmRegistryKeys from "@provost/shared/provenance/roots/npm-keys.json" with { type: "json" };
import publicGood from "@provost/shared/provenance/roots/public-good.json" with { type: "json" };
import { openTufMirror, type TufMirror } from "../../test/support/tuf-mirror.ts";
import { sqliteStore } from "../store/index.ts";
import { followRoots, type FollowingRoots, type RootSource } from "./roots.ts";
import { openTrusted, type Trusted } from "./trusted.ts";

const expires = "2031-05-01T00:00:00Z";
const newer = { ...publicGood, tlogs: publicGood.tlogs.slice(0, 1) };
const targets = (root: object) => ({
  "trusted_root.json": JSON.stringify(root),
  "registry.npmjs.org/keys.json": JSON.stringify(npmRegistryKeys),
});

let folder: string;
let mirror: TufMirror;
let trusted: Trusted;
const closers: (() => Promise<void> | void)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "provost-roots-"));
  mirror = await openTufMirror(expires);
  mirror.publish(targets(newer));
  const store = sqliteStore(folder);
  trusted = openTrusted(store.trust, () => instant(1_764_000_000_000));
  closers.push(
    () => mirror.close(),
    () => store.close(),
    () => rmSync(folder, { recursive: true, force: true }),
  );
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function follow(source: RootSource | undefined): FollowingRoots {
  const following = followRoots(trusted, source, join(folder, "tuf"), () => undefined);
  closers.unshift(() => following.close());
  return following;
}

function fromMirror(): FollowingRoots {
  const rootFile = join(folder, "root.json");
  writeFileSync(rootFile, mirror.root);
  return follow({ mirror: mirror.url, rootFile });
}

const rootsNow = (): unknown => (JSON.parse(trusted.record().document) as { sigstore: unknown[] }).sigstore[0];

test("what TUF distributes replaces the pinned root, with the expiry of the root that signed it", async () => {
  const following = fromMirror();
  expect(await following.refresh()).toMatch(/^trust roots were renewed: sha256:/);
  expect(rootsNow()).toEqual(newer);
  expect(JSON.parse(trusted.record().document)).toMatchObject({ expires });
  expect(trusted.now().sigstore.logs).toHaveLength(1);
  expect(await following.refresh()).toBe("trust roots are current");
});

test("a second change is followed from the first", async () => {
  const following = fromMirror();
  await following.refresh();
  mirror.publish(targets(publicGood));
  expect(await following.refresh()).toMatch(/^trust roots were renewed/);
  expect(rootsNow()).toEqual(publicGood);
});

test("an owner who trusts a root of his own keeps it", async () => {
  trusted.publish({ sigstore: [newer], publishers: [] }, "owner", "my own");
  const following = fromMirror();
  mirror.publish(targets({ ...publicGood, ctlogs: [] }));
  expect(await following.refresh()).toBe("trust roots are current");
  expect(rootsNow()).toEqual(newer);
});

test.each<readonly [string, () => Promise<FollowingRoots> | FollowingRoots]>([
  [
    "a target with another byte",
    () => {
      mirror.tamper();
      return fromMirror();
    },
  ],
  [
    "a mirror that is away",
    async () => {
      const following = fromMirror();
      await mirror.close();
      return following;
    },
  ],
  [
    "a mirror under a root of somebody else",
    async () => {
      const other = await openTufMirror(expires);
      closers.push(() => other.close());
      const rootFile = join(folder, "other-root.json");
      writeFileSync(rootFile, other.root);
      return follow({ mirror: mirror.url, rootFile });
    },
  ],
])("%s changes nothing and is said", async (_what, open) => {
  const before = trusted.record();
  const following = await open();
  expect(await following.refresh()).toMatch(/could not be refreshed, the present ones stay/);
  expect(trusted.record()).toEqual(before);
});

test("switched off, nothing is asked", async () => {
  expect(await follow(undefined).refresh()).toMatch(/switched off/);
});

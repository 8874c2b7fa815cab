import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ecosystemIds } from "@provost/shared/model/inventory.ts";
import { diskEcosystems } from "../../agent/ecosystems/index.ts";
import { folders, read, top } from "./repository.ts";

/** The folders whose inside is one folder per extension and an index that lists them. */
const slots = [
  "agent/ecosystems",
  "agent/sensors",
  "server/store",
  "server/trust/sources",
  "server/trust/upstreams",
  "shared/actions",
  "shared/provenance/formats",
  "shared/provenance/containers",
];

describe.each(slots.filter((slot) => existsSync(join(top, slot))))("%s", (slot) => {
  test("has an index that names each of its folders, and no other", () => {
    const named = [...read(`${slot}/index.ts`).matchAll(/from "\.\/([a-z0-9-]+)\//g)].map(([, folder = ""]) => folder);
    expect([...new Set(named)].toSorted()).toEqual(folders(slot));
  });
});

test("a package ecosystem has its formats, its reading of the disk and its name in the model", () => {
  const ids = [...ecosystemIds].toSorted();
  expect(folders("shared/ecosystems")).toEqual(ids);
  expect(folders("agent/ecosystems")).toEqual(ids);
  expect(diskEcosystems.map(({ id }) => id).toSorted()).toEqual(ids);
});

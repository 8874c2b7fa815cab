import { assert, array, integer, property, record, string } from "fast-check";
import { describe, expect, test } from "vitest";
import { instant, type Purl } from "../model/ids.ts";
import type { Bill, BillItem } from "./bill.ts";
import { validateCycloneDx, type Validity } from "./cyclonedx/validate.ts";
import { readJsonDocument } from "./read.ts";
import type { Sbom } from "./sbom.ts";
import { writeCycloneDx } from "./write-cyclonedx.ts";
import { writeSpdx2 } from "./write-spdx2.ts";
import { writeSpdx3 } from "./write-spdx3.ts";

const item = (ref: string, more: Partial<BillItem> = {}): BillItem => ({
  ref,
  kind: "library",
  name: ref,
  digests: [],
  properties: [],
  evidence: [],
  ...more,
});
const sha = "ab".repeat(32);
const bill: Bill = {
  subject: item("device", { kind: "device", properties: [["provost:os", "Debian"]] }),
  items: [
    item("file:/usr/bin/b", {
      kind: "file",
      inside: "pkg",
      location: "/usr/bin/b",
      digests: [
        { algorithm: "sha512", hex: "cd".repeat(64) },
        { algorithm: "sha256", hex: sha },
        { algorithm: "sha1", hex: "ef".repeat(20) },
      ],
      properties: [["provost:standing", "signed"]],
    }),
    item("pkg", {
      name: "b",
      version: "1",
      purl: "pkg:deb/debian/b@1?arch=amd64" as Purl,
      supplier: "Debian (debian@example.org)",
      licence: "MIT OR Apache-2.0",
      location: "/var/lib/dpkg",
      dependsOn: ["other", "nowhere", "other"],
      evidence: [{ sha256: sha, says: "InRelease of Debian" }],
    }),
    item("other", { version: "2" }),
  ],
  madeFrom: "deployed",
  createdAt: instant(Date.parse("2026-01-31T12:00:00.789Z")),
  tool: { name: "provost", version: "0.1.0" },
};

/** CycloneDX is judged by its published schema, SPDX by our reader alone. */
const writers: readonly (readonly [string, (bill: Bill) => object, (document: object) => Promise<Validity>])[] = [
  ["CycloneDX 1.6", (bill) => writeCycloneDx(bill, "1.6"), (document) => validateCycloneDx(document, "1.6")],
  ["CycloneDX 1.7", (bill) => writeCycloneDx(bill, "1.7"), (document) => validateCycloneDx(document, "1.7")],
  ["SPDX 2.3", writeSpdx2, isRead],
  ["SPDX 3", writeSpdx3, isRead],
];

function isRead(document: object): Promise<Validity> {
  const reading = readJsonDocument(document);
  return Promise.resolve(reading.kind === "refused" ? { ok: false, why: reading.why } : { ok: true });
}

function readBack(document: object): Sbom {
  const reading = readJsonDocument(JSON.parse(JSON.stringify(document)));
  if (reading.kind !== "sbom") throw new Error(reading.kind === "refused" ? reading.why : "a VEX document");
  return reading.sbom;
}

describe.each(writers)("%s", { timeout: 60_000 }, (_name, write, valid) => {
  test("is read again with everything that was written", () => {
    const sbom = readBack(write(bill));
    expect(sbom).toMatchObject({ createdAt: Date.parse("2026-01-31T12:00:00Z"), problems: [] });
    expect(sbom.subjects.map((one) => one.name)).toEqual(["device"]);
    const refs = new Map([...sbom.subjects, ...sbom.components].map((one) => [one.ref, one.name]));
    expect(sbom.components.map((one) => one.name).toSorted()).toEqual(["b", "file:/usr/bin/b", "other"]);
    expect(sbom.components.find((one) => one.name === "b")).toMatchObject({
      version: "1",
      purl: "pkg:deb/debian/b@1?arch=amd64",
      supplier: "Debian (debian@example.org)",
      licences: ["MIT OR Apache-2.0"],
    });
    expect(sbom.components.find((one) => one.name === "file:/usr/bin/b")?.digests).toEqual([
      { algorithm: "sha1", hex: "ef".repeat(20) },
      { algorithm: "sha256", hex: sha },
      { algorithm: "sha512", hex: "cd".repeat(64) },
    ]);
    const edges = sbom.edges.map(({ from, to, relation }) => `${refs.get(from)} ${relation} ${refs.get(to)}`);
    expect(edges).toContain("b depends-on other");
    expect(edges).toContain("b contains file:/usr/bin/b");
    expect(JSON.stringify(write(bill))).toContain("provost:standing");
    expect(JSON.stringify(write(bill))).toContain(`urn:sha256:${sha}`);
  });

  test("the same content in another order, at another time, has the same name; other content has another", () => {
    const same = readBack(write({ ...bill, items: bill.items.toReversed(), createdAt: instant(0) }));
    expect(same.id).toBe(readBack(write(bill)).id);
    expect(JSON.stringify(write({ ...bill, items: bill.items.toReversed() }))).toBe(JSON.stringify(write(bill)));
    expect(readBack(write({ ...bill, items: bill.items.slice(1) })).id).not.toBe(same.id);
    const serial = "00000000-0000-4000-8000-000000000000";
    expect(readBack(write({ ...bill, serial })).id).toContain(serial);
  });

  test("whatever files are called, the document is valid and read without a problem", async () => {
    const documents: object[] = [];
    assert(
      property(
        array(
          record({
            name: string({ minLength: 1, maxLength: 20, unit: "binary" }),
            inside: integer({ min: 0, max: 3 }),
          }),
          { maxLength: 8 },
        ),
        (files) => {
          const items = files.map((file, at) =>
            item(`${at}`, {
              kind: "file",
              name: file.name,
              location: file.name,
              ...(at === 0 ? {} : { inside: `${Math.min(file.inside, at - 1)}` }),
              properties: [[`provost:${file.name}`, file.name]],
            }),
          );
          const document = write({ ...bill, items });
          const sbom = readBack(document);
          expect([sbom.components.length, sbom.problems]).toEqual([files.length, []]);
          documents.push(document);
        },
      ),
    );
    for (const document of documents) expect(await valid(document)).toEqual({ ok: true });
  });

  test("two things of one name are a fault of ours, not a document", () => {
    expect(() => write({ ...bill, items: [item("device")] })).toThrow("the same ref");
  });
});

test("what depends on what is not known is said, not left empty", () => {
  expect(writeCycloneDx(bill, "1.6")).toMatchObject({
    dependencies: [{ ref: "pkg", dependsOn: ["other"] }],
    compositions: [{ aggregate: "unknown", dependencies: ["device", "other"] }],
  });
});

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import { documentsAt, folderLimits, namesBeside, openFolder } from "./documents.ts";

const folder = mkdtempSync(join(tmpdir(), "provost-found-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
const put = (name: string, text: string | Buffer = "x"): string => {
  mkdirSync(join(at(name), ".."), { recursive: true });
  writeFileSync(at(name), text);
  return at(name);
};
const digest = (digit: string): Sha256 => digit.repeat(64) as Sha256;
const beside = (path: string): readonly string[] =>
  namesBeside(Buffer.from(path)).map((name) => name.toString().slice(folder.length + 1));

describe("beside a file", () => {
  test("lie documents by the names publishers use, links followed; folders and pipes are none", () => {
    const file = put("app");
    put("app.asc");
    put("app.other");
    put("elsewhere.sig");
    symlinkSync(at("elsewhere.sig"), at("app.sig"));
    symlinkSync(at("nowhere"), at("app.att"));
    mkdirSync(at("app.bundle"));
    execFileSync("mkfifo", [at("app.sigstore")]);
    expect(beside(file)).toEqual(["app.sig", "app.asc"]);
  });

  test.each([
    ["whose name leaves no room for an ending", "n".repeat(250)],
    ["whose name is no text", "\\xff"],
  ])("%s lies nothing", (_name, name) => {
    expect(beside(at(name))).toEqual([]);
    expect(namesBeside(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe])]))).toEqual([]);
  });

  test("in a folder that a file stands for, or that links in a circle, lies nothing", () => {
    symlinkSync(at("circle"), at("circle"));
    expect([beside(join(put("plain"), "app")), beside(join(at("circle"), "app"))]).toEqual([[], []]);
  });
});

describe("one file", () => {
  test("of bare envelopes on lines is as many documents, and one of bundles is one", () => {
    const names = documentsAt(put("lines.jsonl", '{"payload":"a"}\n\n{"payload":"b"}\n')).map(({ name }) => name);
    expect(names).toEqual(["lines.jsonl line 1", "lines.jsonl line 3"]);
    const bundles = '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}\n'.repeat(2);
    expect(documentsAt(put("bundles.jsonl", bundles))).toHaveLength(1);
  });

  test.each([
    ["that is not there", "none", "NOT_FOUND"],
    ["that is a pipe", "app.sigstore", "CONFIG_INVALID"],
    ["that is larger than is read", "large", "LIMIT"],
  ])("%s is named", (_name, name, code) => {
    truncateSync(put("large"), 32 * 1024 * 1024 + 1);
    expect(() => documentsAt(at(name))).toThrow(expect.objectContaining({ code }));
  });
});

describe("a folder", () => {
  const about = (
    sha256: Sha256,
    more: { readonly sha512?: string; readonly name?: string } = {},
  ): readonly (string | undefined)[] =>
    openFolder(at("library"))
      .about({ sha256, ...more })
      .map(({ name }) => name);
  const base64 = (text: string): string => Buffer.from(text).toString("base64");

  test("gives each document that writes the digest, plainly, in a payload, or as bundles do, and each named after the file", () => {
    put("library/plain.txt", `${digest("a")}  app\n`);
    put("library/deep/payload.json", JSON.stringify({ payload: base64(`{"sha256":"${digest("b")}"}`) }));
    put(
      "library/message.json",
      JSON.stringify({ messageDigest: { digest: Buffer.from(digest("c"), "hex").toString("base64") } }),
    );
    put("library/tool.sig", "a signature");
    expect([about(digest("a")), about(digest("b")), about(digest("c")), about(digest("d"))]).toEqual([
      ["plain.txt"],
      ["payload.json"],
      ["message.json"],
      [],
    ]);
    expect([about(digest("d"), { name: "tool" }), about(digest("d"), { name: "too" })]).toEqual([["tool.sig"], []]);
    expect(about(digest("d"), { sha512: "e".repeat(128) })).toEqual([]);
    put("library/long.txt", "e".repeat(128));
    expect([about(digest("d"), { sha512: "e".repeat(128) }), about(digest("e"))]).toEqual([["long.txt"], []]);
  });

  test("says what it could not read, and goes on", () => {
    truncateSync(put("library/large.bin"), 32 * 1024 * 1024 + 1);
    const opened = openFolder(at("library"));
    expect(opened.unread).toEqual([expect.stringContaining("large.bin")]);
    expect(opened.about({ sha256: digest("a") })).toHaveLength(1);
    rmSync(at("library/large.bin"));
  });

  test("does not follow links, and ends at its depth", () => {
    symlinkSync(at("library"), at("library/again"));
    expect(about(digest("a"))).toEqual(["plain.txt"]);
    put(`deep/${"d/".repeat(folderLimits.depth)}f`);
    expect(() => openFolder(at("deep"))).toThrow(expect.objectContaining({ code: "LIMIT" }));
  });

  test("of more files than its limit is a library for the server", () => {
    for (const name of ["1", "2", "3"]) put(`many/${name}`);
    expect(() => openFolder(at("many"), { ...folderLimits, files: 2 })).toThrow("more than 2 files");
    expect(openFolder(at("many"), { ...folderLimits, files: 3 }).unread).toEqual([]);
  });

  test("of more bytes than are held is refused before any is read", () => {
    for (const name of ["a", "b"]) truncateSync(put(`heavy/${name}`), folderLimits.bytes / 2 + 1);
    expect(() => openFolder(at("heavy"))).toThrow(expect.objectContaining({ code: "LIMIT" }));
  });
});

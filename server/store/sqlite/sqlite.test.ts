import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, describe, expect, test } from "vitest";
import { storeContract } from "../contract.ts";
import { sqliteStore } from "./sqlite.ts";

const folders: string[] = [];
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "provost-store-"));
  folders.push(folder);
  return folder;
};
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

describe("sqlite keeps the contract", () => storeContract(sqliteStore, newFolder));

test("a database of a newer format is left alone", () => {
  const folder = newFolder();
  sqliteStore(folder).close();
  const raw = new Database(join(folder, "server.sqlite"));
  raw.pragma("user_version = 999");
  raw.close();
  expect(() => sqliteStore(folder)).toThrow(expect.objectContaining({ code: "STATE_NEWER" }));
});

test("bytes that are no database are refused by name", () => {
  const folder = newFolder();
  writeFileSync(join(folder, "server.sqlite"), "not a database, but long enough to have a header ".repeat(100));
  expect(() => sqliteStore(folder)).toThrow(expect.objectContaining({ code: "STATE_UNUSABLE" }));
});

test("whoever reads the database can use no secret in it", () => {
  const folder = newFolder();
  const store = sqliteStore(folder);
  store.access.addToken("a-very-secret-token", 1e12);
  store.access.addSignIn("a-very-secret-link", 1e12);
  store.access.addSession("a-very-secret-cookie", { user: "o", role: "owner", csrf: "c", at: 1, expires: 1e12 });
  store.close();
  const raw = new Database(join(folder, "server.sqlite"));
  const rows = ["tokens", "sign_ins", "sessions"].flatMap((table) => raw.prepare(`SELECT * FROM ${table}`).all());
  expect(rows).toHaveLength(3);
  expect(JSON.stringify(rows)).not.toMatch(/a-very-secret/);
  raw.close();
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, describe, expect, test } from "vitest";
import { storeContract } from "../contract.ts";
import { migrations } from "./open.ts";
import { sqliteStore } from "./sqlite.ts";

const folders: string[] = [];
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "provost-store-"));
  folders.push(folder);
  return folder;
};
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

describe("sqlite keeps the contract", () => {
  storeContract(sqliteStore, newFolder);
});

test("a database of a newer format is left alone", () => {
  const folder = newFolder();
  sqliteStore(folder).close();
  const raw = new Database(join(folder, "server.sqlite"));
  raw.pragma("user_version = 999");
  raw.close();
  expect(() => sqliteStore(folder)).toThrow(expect.objectContaining({ code: "STATE_NEWER" }));
});

test("a database of the first format keeps its files, their facts and their counts", () => {
  const folder = newFolder();
  const raw = new Database(join(folder, "server.sqlite"));
  for (const sql of migrations.slice(0, 3)) raw.exec(sql);
  raw.pragma("user_version = 3");
  raw.exec(`INSERT INTO devices (id, name, public_key, epoch, acknowledged, enrolled_at, last_seen) VALUES ('d', 'alpha', 'k', 'e', 9, 1, 2);
    INSERT INTO installs (device, root, location, purl, ecosystem, name, version, body, first_seen) VALUES ('d', '', '/l', 'p', 'deb', 'bash', '1', '{}', 1);
    INSERT INTO proof_versions VALUES ('d', '', 'p', 2, 1), ('d', '', 'gone', 1, 0)`);
  const put = raw.prepare(
    `INSERT INTO files (id, device, root, path, kind, size, mode, facts, standing, rank, basis, says, trust_version, judged_at, first_seen, changed_at, running)
     VALUES (?, 'd', '', ?, 'elf', 1, 493, ?, 'signed', 3, 'publisher', 'It is.', 't', 5, 6, 7, 1)`,
  );
  for (const name of ["b", "a"]) put.run(`exe_${name}`, `/${name}`, JSON.stringify({ path: `/${name}` }));
  raw.close();
  const store = sqliteStore(folder);
  expect(store.inventory.device("d")?.acknowledged).toBe(9);
  expect(store.read.executables({ limit: 10, sort: "path" })).toMatchObject({
    total: 2,
    rows: [{ id: "exe_a", path: "/a", running: 0, firstSeen: 6, changedAt: 7 }, { id: "exe_b" }],
  });
  expect(store.read.executable("exe_b")?.facts).toEqual({ path: "/b" });
  expect(store.read.overview(new Set(), 1).executables).toMatchObject({ total: 2, standings: { signed: 2 } });
  expect(store.inventory.unheldProofs("d" as never, 9)).toEqual([{ root: "", purl: "p", version: 2 }]);
  store.close();
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
  store.access.addSignIn("a-very-secret-link", 1e12, { user: "o", role: "owner" });
  store.access.addSession("a-very-secret-cookie", { user: "o", role: "owner", csrf: "c", at: 1, expires: 1e12 });
  store.close();
  const raw = new Database(join(folder, "server.sqlite"));
  const rows = ["tokens", "sign_ins", "sessions"].flatMap((table) => raw.prepare(`SELECT * FROM ${table}`).all());
  expect(rows).toHaveLength(3);
  expect(JSON.stringify(rows)).not.toMatch(/a-very-secret/);
  raw.close();
});

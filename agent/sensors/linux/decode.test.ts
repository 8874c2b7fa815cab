import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { gateCauses, tamperKinds } from "@provost/shared/model/event.ts";
import type { SensorRecord } from "@provost/shared/model/event.ts";
import { accesses, gateModes } from "@provost/shared/model/gate.ts";
import { pathText } from "@provost/shared/lib/path-text.ts";
import { BadRecord } from "./reading.ts";
import { RecordReader } from "./record-reader.ts";

const golden = join(import.meta.dirname, "golden");
const bytesOf = (name: string): Buffer => readFileSync(join(golden, name));

interface Line {
  readonly file: string;
  readonly number: number;
  readonly type: number;
  readonly values: Readonly<Record<string, string>>;
  readonly texts: Readonly<Record<string, string>>;
}
const lines = readFileSync(join(golden, "values.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Line);
const fromSensor = lines.filter(({ type }) => type < 64);

function everything(bytes: Buffer, reader = new RecordReader()): SensorRecord[] {
  const { words, events } = reader.read(bytes);
  return [...words, ...(events ?? [])];
}

/** Where a field of record.h stands in what is decoded, where its name does not say so already. */
const renamed: Readonly<Record<string, string>> = {
  "lost.kind": "type",
  "exit.code": "waitStatus",
  "exit.running_ns": "ranFor",
  "older.code": "waitStatus",
  "newer.code": "waitStatus",
  "newer.running_ns": "ranFor",
  "memfd.kind": "memfdFlags",
  "mount.kind": "change",
  "connect.local": "localAddress",
  "connect.remote": "remoteAddress",
  "listen.local": "localAddress",
  "listen.remote": "remoteAddress",
};
const words: Readonly<Record<string, readonly string[]>> = {
  tier: ["P", "C", "B", "A"],
  mode: gateModes,
  access: ["", ...accesses],
  cause: gateCauses,
  what: ["", ...tamperKinds],
  where: ["", "kernel ring", "socket buffer", "fanotify queue", "full table"],
  change: ["", "mount", "umount", "namespace"],
};
const ours: Readonly<Record<string, string>> = { ctime: "changed", login_user: "loginUser", slowest_ns: "slowestNs" };
const camel = (name: string): string =>
  ours[name] ?? name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The value of a field as the decoded record has it; undefined where the record keeps it under another form. */
function decoded(record: SensorRecord, file: string, field: string): unknown {
  const path = renamed[`${file}.${field}`] ?? field.replace(/^event\./, "").replace(/^writer_file\b/, "writer.file");
  const steps =
    path.startsWith("writer.") && !path.startsWith("writer.file") ? path.replace("writer.", "writer.process.") : path;
  let value: unknown = record;
  for (const step of steps.split(".")) value = (value as Record<string, unknown> | undefined)?.[camel(step)];
  return value;
}

const hexText = (hex: string): string => {
  const bytes = Buffer.from(hex, "hex");
  return pathText(bytes);
};

describe.each(fromSensor)("$file, record $number", ({ file, number, values, texts }) => {
  const name = file.replace(".bin", "");
  // newer.bin holds a record of an unknown type in between; number 2 is the second that is known.
  const record = everything(bytesOf(file))[name === "newer" && number === 2 ? 1 : number];

  test("has every number where record.h has it", () => {
    if (record === undefined) throw new Error("no such record");
    const pairs = Object.entries(values).map(([field, told]) => [
      field,
      ...compared(record, name, field, told, values),
    ]);
    expect(pairs.filter(([, value, expected]) => value !== expected)).toEqual([]);
  });

  test("has every text, and none that moves a cursor", () => {
    const all = JSON.stringify(record, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));
    for (const [field, hex] of Object.entries(texts)) {
      if (field === "missing" || field === "arguments" || (field === "writer" && hex === "")) continue;
      const told = hexText(hex);
      expect(all).toContain(JSON.stringify(told).slice(1, -1));
    }
    expect(all).not.toMatch(/[\u0000-\u001f\u007f]/);
  });
});

/** What was decoded of a field, and what values.jsonl says of it in the same form. */
function compared(
  record: SensorRecord,
  name: string,
  field: string,
  told: string,
  values: Line["values"],
): readonly [unknown, unknown] {
  const value = decoded(record, name, field);
  if (field.endsWith("name")) return [value ?? "", nameText(told)];
  if (field === "digest") return [value, /^0+$/.test(told) ? undefined : told];
  if (field === "family") return [value, told === "2" ? "ip4" : "ip6"];
  if (field === "local" || field === "remote") return [typeof value, "string"];
  if (name === "file" && field === "change") return [changeOf(record), Number(told)];
  if (typeof value === "bigint") return [String(value), told];
  if (typeof value === "boolean") return [value, told === "1"];
  if (typeof value === "string") return [value, wordFor(name, field, told)];
  if (/(?:login_user|session)$/.test(field) && told === "4294967295") return [value, undefined];
  // A file that is not there is left out whole.
  if (value === undefined) return [values[field.startsWith("script") ? "script.inode" : "writer_file.inode"], "0"];
  return [value, Number(told)];
}

const nameText = (hex: string): string => hexText(hex.replace(/(?:00)+$/, ""));
function wordFor(name: string, field: string, told: string): string {
  const list = name === "mount" ? words["change"] : words[field];
  return list?.[Number(told)] ?? `no word for ${told}`;
}
function changeOf(record: SensorRecord): number {
  if (record.kind !== "file") return -1;
  const { created, written, renamed, deleted, attributes, isFolder } = record;
  return [created, written, renamed, deleted, attributes, isFolder].reduce(
    (sum, bit, at) => sum + (bit ? 2 ** at : 0),
    0,
  );
}

test("arguments and missing parts are lists; addresses are text", () => {
  const [exec] = everything(bytesOf("exec.bin"));
  expect(exec).toMatchObject({
    kind: "exec",
    arguments: ["sh", "-c", "true"].map((word) => expect.stringContaining(word[0] ?? "")),
  });
  expect(everything(bytesOf("hello.bin"))[1]).toMatchObject({ missing: ["/tmp/\\xff\\xc3(", "\\x1b[2J\\x00end"] });
  expect(everything(bytesOf("connect.bin"))[0]).toMatchObject({ localAddress: "117.118.119.120" });
});

test("a newer sensor's records are read as far as they are known, an older one's missing fields are 0", () => {
  expect(everything(bytesOf("newer.bin"))).toHaveLength(2);
  expect(everything(bytesOf("older.bin"))[0]).toMatchObject({ kind: "exit", ranFor: 0 });
});

test.each(readdirSync(golden).filter((name) => name.startsWith("damaged")))("%s ends the connection", (name) => {
  expect(() => everything(bytesOf(name))).toThrow(BadRecord);
});

test("records come out whole however the stream is cut", () => {
  const stream = Buffer.concat(["hello.bin", "ask.bin", "exec.bin", "exit.bin", "gate.bin"].map(bytesOf));
  const whole = everything(stream).map(({ kind }) => kind);
  for (const size of [1, 7, 64, 1000]) {
    const reader = new RecordReader();
    const kinds: string[] = [];
    for (let at = 0; at < stream.length; at += size)
      kinds.push(...everything(stream.subarray(at, at + size), reader).map(({ kind }) => kind));
    expect(kinds.toSorted()).toEqual(whole.toSorted());
    expect(reader.isHalf).toBe(false);
  }
});

test("a table of processes reads the same from records as from their whole decoding", () => {
  const told: unknown[] = [];
  for (const name of ["exec.bin", "fork.bin", "exit.bin", "older.bin", "connect.bin"])
    new RecordReader().read(bytesOf(name)).events?.processes({
      exec: (pid, started, parent, path, _words, inode) => void told.push([pid, started, parent, path, inode]),
      fork: (child, started, parent) => void told.push([child, started, parent]),
      exit: (pid, started) => void told.push([pid, started]),
    });
  const expected = ["exec.bin", "fork.bin", "exit.bin", "older.bin"].flatMap((name) =>
    everything(bytesOf(name)).map((record) => {
      if (record.kind === "exec")
        return [record.who.pid, record.who.started, record.who.parent, record.path, record.file.inode];
      if (record.kind === "fork") return [record.child, record.childStarted, record.who.pid];
      return record.kind === "exit" ? [record.who.pid, record.who.started] : [];
    }),
  );
  expect(told).toEqual(expected);
});

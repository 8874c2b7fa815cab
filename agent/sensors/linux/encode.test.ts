import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import {
  answerRecord,
  configRecord,
  digestRecord,
  forgetRecord,
  guardRecord,
  pathRecord,
  pulseRecord,
  stopRecord,
} from "./encode.ts";

/** The first record of a golden file: "plain". */
function plain(name: string): string {
  const bytes = readFileSync(join(import.meta.dirname, "golden", name));
  return bytes.subarray(0, bytes.readUInt32LE(0)).toString("hex");
}
const notice = "/usr/bin/true";
const digest = "6162636465666768696a6b6c6d6e6f707172737475767778797a616263646566" as Sha256;

test.each([
  [
    "config.bin",
    configRecord({
      mode: "hold",
      libraries: true,
      scripts: "strict",
      syscalls: true,
      deadlineMs: 16909060,
      agentGoneMs: 16909061,
      denyMs: 16909062,
      when: {
        late: "closed",
        overloaded: "known",
        unreadable: "closed",
        agentGone: "known",
        restarted: "closed",
        unseen: "known",
      },
      files: true,
      events: true,
    }),
  ],
  [
    "answer.bin",
    answerRecord(1700000000000n, { allow: true, remember: "file", forMs: 16909059, kind: "core", notice }),
  ],
  ["digest.bin", digestRecord(digest, { allow: true, forMs: 16909058, kind: "core", notice })],
  ["path.bin", pathRecord("core", Buffer.from(notice))],
  ["pulse.bin", pulseRecord(1700000000000n)],
  ["guard.bin", guardRecord(16909056, Buffer.from(notice))],
  ["stop.bin", stopRecord(true)],
])("%s is what encode.ts writes", (name, bytes) => {
  expect(bytes?.toString("hex")).toBe(plain(name));
});

test("a digest is forgotten alone, or everything", () => {
  expect(forgetRecord(digest).toString("hex")).toContain(digest);
  expect(forgetRecord(digest).readUInt32LE(40)).toBe(0);
  expect(forgetRecord(undefined).readUInt32LE(40)).toBe(1);
});

test("a notice that is too long ends at a whole character; a path that is too long is not sent", () => {
  const bytes = answerRecord(1n, {
    allow: false,
    remember: "none",
    forMs: 0,
    kind: "verdict",
    notice: "ä".repeat(600) + "€",
  });
  expect(bytes.readUInt16LE(32)).toBeLessThanOrEqual(1024);
  expect(bytes.subarray(40).toString("utf8")).toMatch(/^ä+$/);
  expect(pathRecord("core", Buffer.alloc(4097, 65))).toBeUndefined();
});

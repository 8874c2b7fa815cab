import { assert, array, integer, property, uint8Array } from "fast-check";
import { expect, test } from "vitest";
import { boundedLines, eachPathLine, pathLine, pathLines } from "./lines.ts";
import { pathText } from "./path-text.ts";

test("lines are the same however the bytes are cut, and the last one without a newline says so", () => {
  assert(
    property(array(integer({ min: 0, max: 30 })), uint8Array({ maxLength: 60 }), (cuts, odd) => {
      const bytes = Buffer.concat([Buffer.from("one\n\ntwo\n"), odd]);
      const chunks = [0, ...cuts.toSorted((a, b) => a - b), bytes.length].map((at, i, all) =>
        bytes.subarray(at, all[i + 1]),
      );
      const lines = [...boundedLines(chunks.slice(0, -1), 1000)].map(
        ({ bytes, cut }) => `${Buffer.from(bytes).toString("hex")}${cut ? "!" : ""}`,
      );
      const whole = bytes
        .toString("latin1")
        .split("\n")
        .map((line) => Buffer.from(line, "latin1").toString("hex"));
      const last = whole.pop() ?? "";
      expect(lines).toEqual(last === "" ? whole : [...whole, `${last}!`]);
    }),
  );
});

test("a line as path text is what pathText writes of its bytes", () => {
  assert(
    property(uint8Array({ maxLength: 40 }), (bytes) => {
      const line = bytes.map((byte) => (byte === 0x0a ? 0x20 : byte));
      expect(pathLine(line)).toBe(pathText(line));
      expect(pathLines(line)).toEqual(line.length === 0 ? [] : [pathText(line)]);
    }),
  );
});

test("lines taken block by block are the lines of the whole, with and without a last newline", () => {
  for (const end of ["\n", "", "\n\n", "\u0001\n"]) {
    const bytes = Buffer.from(
      Array.from({ length: 9000 }, (_, at) => `/usr/share/doc/package-${at}/ä`).join("\n") + end,
    );
    expect([...eachPathLine(bytes)]).toEqual(pathLines(bytes));
  }
});

import { expect, test } from "vitest";
import { jsonLine, openTerminal, printable } from "./terminal.ts";

function screen(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, written, write: (text: string) => written.push(text) };
}

test.each([
  ["a colour change", "a\u001b[31mb", "a\\x1b[31mb"],
  ["a title change", "\u001b]0;owned\u0007", "\\x1b]0;owned\\x07"],
  ["a C1 control", "\u009b2J", "\\xc2\\x9b2J"],
  ["a newline", "a\nb", "a\\x0ab"],
  ["a reversed reading direction", "a\u202egpj.exe", "a\\xe2\\x80\\xaegpj.exe"],
  ["path text, which is already text", "/tmp/a\\x0ab", "/tmp/a\\x0ab"],
  ["other scripts", "/home/Ж/文", "/home/Ж/文"],
])("%s reaches a screen as text", (_name, raw, text) => {
  expect(printable(raw)).toBe(text);
});

test("JSON in one line keeps the value and shows a screen no control character", () => {
  const value = { path: "a\u001b[31m\u009b\u202e\n\u2028" };
  const line = jsonLine(value);
  expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/u);
  expect(JSON.parse(line)).toEqual(value);
});

test.each([
  ["a screen", true, {}, true],
  ["a pipe", false, {}, false],
  ["NO_COLOR", true, { NO_COLOR: "1" }, false],
  ["an empty NO_COLOR, which means nothing", true, { NO_COLOR: "" }, true],
  ["a dumb terminal", true, { TERM: "dumb" }, false],
])("colour on %s", (_name, isTTY, env, coloured) => {
  const out = screen(isTTY);
  openTerminal(out, screen(isTTY), env).out("refuted", "bad");
  expect(out.written).toEqual([coloured ? "\u001b[31mrefuted\u001b[0m\n" : "refuted\n"]);
});

test("progress goes to stderr, only where a person looks, and is gone before the result", () => {
  const [out, err] = [screen(true), screen(true)];
  const terminal = openTerminal(out, err, {});
  terminal.progress("one\u001b[2J");
  terminal.out("result");
  expect(err.written).toEqual(["one\\x1b[2J", "\r\u001b[K"]);
  expect(out.written).toEqual(["result\n"]);
  const quiet = screen(false);
  openTerminal(screen(true), quiet, {}).progress("one");
  expect(quiet.written).toEqual([]);
});

import { describe, expect, test } from "vitest";
import { readSettings } from "./settings.ts";
import type { Setting } from "./settings.ts";

const known: readonly Setting[] = [
  { name: "port", variable: "PROVOST_PORT", kind: "text", what: "the port", otherwise: "4680" },
  { name: "exclude", variable: "PROVOST_EXCLUDE", kind: "paths", what: "folders", otherwise: "none" },
  { name: "names", variable: "PROVOST_NAMES", kind: "words", what: "names", otherwise: "none" },
  { name: "token", variable: "PROVOST_TOKEN", kind: "text", secret: true, what: "a token", otherwise: "none" },
];
const file = (text: string) => ({ path: "agent.conf", text });

describe("where a value comes from", () => {
  test("a flag goes before a variable, a variable before the file; each says where it was found", () => {
    const read = readSettings(known, {
      file: file("# a remark\n\nport = 1\nexclude = /a:/b\nnames = one, two three\n"),
      environment: { PROVOST_PORT: "2", PROVOST_NAMES: "" },
      flags: ["--port=3"],
    });
    expect([...read.values]).toEqual([
      ["port", "3"],
      ["exclude", ["/a", "/b"]],
      ["names", ["one", "two", "three"]],
    ]);
    expect([...read.from]).toEqual([
      ["port", "flag"],
      ["exclude", "agent.conf:4"],
      ["names", "agent.conf:5"],
    ]);
    expect(readSettings(known, { environment: { PROVOST_PORT: "2" } }).from.get("port")).toBe("variable PROVOST_PORT");
    expect(readSettings(known, { environment: {}, flags: ["--port", "5"] }).values.get("port")).toBe("5");
  });
  test("a value may hold an equals sign and spaces", () => {
    expect(readSettings(known, { file: file("port = a = b c"), environment: {} }).values.get("port")).toBe("a = b c");
  });
});

describe("what is refused, with the place", () => {
  const refused = (text: string) => () => readSettings(known, { file: file(text), environment: {} });
  test.each([
    ["prot = 1", "agent.conf:1: there is no setting prot; is port meant?"],
    ["colour = red", "agent.conf:1: there is no setting colour"],
    ["port 1", 'agent.conf:1: wanted a line such as "name = value", or a # before a remark'],
    ["port = 1\n\nport = 2", "agent.conf:3: port stands in agent.conf:1 already"],
    ["x".repeat(300_000), "agent.conf: it is longer than 262144 characters"],
  ])("%s", (text, message) => expect(refused(text)).toThrow(new RegExp(`^${message.replaceAll(/[.?()]/g, "\\$&")}$`)));

  test("a secret as a flag is refused and named without its value", () => {
    expect(() => readSettings(known, { environment: {}, flags: ["--token=abc"] })).toThrow(
      /^--token: every user of this machine can read a command line; put it into a file or into PROVOST_TOKEN$/,
    );
  });
  test.each([["--port"], ["port=1"], ["--prot=1"]])("the flag %s", (flag) => {
    expect(() => readSettings(known, { environment: {}, flags: [flag] })).toThrow(
      /--port: its value|wanted --name|is port meant/,
    );
  });
});

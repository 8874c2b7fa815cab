import { expect, test } from "vitest";
import { checkConfig } from "./config.ts";

const defaults = { consoleFolder: "/console" };

test("what is not said is set for one machine", () => {
  expect(checkConfig({}, defaults)).toMatchObject({
    host: "127.0.0.1",
    port: 4680,
    portTries: 1,
    allowPrivateArchives: false,
  });
  expect(Object.isFrozen(checkConfig({}, defaults))).toBe(true);
});

test.each<readonly [string, Record<string, unknown>]>([
  ["folder", { folder: "relative" }],
  ["folder", { folder: "" }],
  ["folder", { folder: 5 }],
  ["host", { host: "0.0.0.0" }],
  ["host", { host: "192.168.0.1" }],
  ["host", { host: "127.0.0.1.evil.example" }],
  ["port", { port: "" }],
  ["port", { port: " 80" }],
  ["port", { port: "0x50" }],
  ["port", { port: "80.5" }],
  ["port", { port: 65_536 }],
  ["port", { port: -1 }],
  ["port", { port: "1e3" }],
  ["portTries", { portTries: 0 }],
  ["names", { names: "a" }],
  ["localArchives", { localArchives: [5] }],
])("a wrong %s is refused by name: %j", (field, raw) => {
  expect(() => checkConfig(raw, defaults)).toThrow(
    expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringMatching(`^${field}: `) }),
  );
});

test("private archives are allowed by true alone", () => {
  for (const allowPrivateArchives of ["true", 1, "yes", undefined])
    expect(checkConfig({ allowPrivateArchives }, defaults).allowPrivateArchives).toBe(false);
});

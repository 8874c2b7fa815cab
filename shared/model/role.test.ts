import { expect, test } from "vitest";
import { refusesPerson } from "./role.ts";

test.each([
  ["owner", "device", undefined],
  ["owner", "fleet", undefined],
  ["analyst", "device", undefined],
  ["analyst", "fleet", "what concerns every device is for the owner"],
  ["auditor", "device", "an auditor reads, and changes nothing"],
  ["auditor", "fleet", "an auditor reads, and changes nothing"],
] as const)("an %s of a %s: %s", (role, scope, why) => {
  expect(refusesPerson(role, scope)).toBe(why);
});

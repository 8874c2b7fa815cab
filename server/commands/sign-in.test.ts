import { expect, test } from "vitest";
import { personFrom } from "./sign-in.ts";

test.each([
  ["nothing is the owner", undefined, undefined, { user: "owner", role: "owner" }],
  ["an owner may have a name", "owner", "Ada Lovelace", { user: "Ada Lovelace", role: "owner" }],
  ["an analyst", "analyst", "hana@example.org", { user: "hana@example.org", role: "analyst" }],
  ["an auditor", "auditor", "Žofie K.-1", { user: "Žofie K.-1", role: "auditor" }],
])("%s", (_sentence, role, name, person) => {
  expect(personFrom(role, name)).toEqual(person);
});

test.each([
  ["a role that there is not", "admin", "ada", /--role: wanted owner, analyst, auditor/],
  ["a role without its value", true, "ada", /--role: wanted/],
  ["nobody", "analyst", undefined, /--name: wanted/],
  ["no name", "analyst", "", /--name: wanted/],
  ["a name without its value", "auditor", true, /--name: wanted/],
  ["a name that is too long", "auditor", "a".repeat(65), /--name: wanted/],
  ["a name that hides text", "auditor", "a\u202Eb", /--name: wanted/],
  ["a name with lines", "auditor", "a\nb", /--name: wanted/],
  ["the owner's name for somebody else", "analyst", "Owner", /a name of the server's own/],
  ["a policy's name", "analyst", "policy 12", /a name of the server's own/],
  ["a device's name", "auditor", "dev_1", /a name of the server's own/],
])("%s is refused", (_sentence, role, name, why) => {
  expect(() => personFrom(role, name)).toThrow(why);
});

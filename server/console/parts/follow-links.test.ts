import { expect, test } from "vitest";
import { pageOf } from "./follow-links.ts";

const origin = "http://console";

test.each([
  ["a page", "http://console/devices?q=a#b", "/devices?q=a#b"],
  ["the API", "http://console/api/v1/evidence/00", undefined],
  ["the sign-in link", "http://console/sign-in?token=x", undefined],
  ["a page that only begins like the API", "http://console/apiary", "/apiary"],
  ["another origin", "http://elsewhere/devices", undefined],
  ["another scheme", "javascript:alert(1)", undefined],
  ["no address", "http://", undefined],
])("%s is followed by whom it should be", (_name, href, page) => {
  expect(pageOf(href, origin)).toBe(page);
});

import { describe, expect, test } from "vitest";
import { lies, readAddress, readNetwork } from "./address.ts";

function within(text: string, network: string): boolean {
  const [address, read] = [readAddress(text), readNetwork(network)];
  if (address === undefined || read === undefined) throw new Error("not read");
  return lies(address, read.network, read.bits);
}

describe("networks", () => {
  test.each([
    ["10.1.2.3", "10.0.0.0/8", true],
    ["11.1.2.3", "10.0.0.0/8", false],
    ["172.31.255.255", "172.16.0.0/12", true],
    ["172.32.0.0", "172.16.0.0/12", false],
    ["192.168.1.1", "192.168.1.1", true],
    ["1.2.3.4", "0.0.0.0/0", true],
    ["::1", "::1/128", true],
    ["fe80::1", "fe80::/10", true],
    ["febf::1", "fe80::/10", true],
    ["fec0::1", "fe80::/10", false],
    ["fd12:3456::1", "fc00::/7", true],
    ["::ffff:10.1.2.3", "10.0.0.0/8", true],
    ["10.1.2.3", "::ffff:10.0.0.0/104", true],
    ["2001:db8::1", "10.0.0.0/8", false],
  ])("%s in %s: %s", (address, network, wanted) => {
    expect(within(address, network)).toBe(wanted);
  });
});

test.each([
  "",
  "1.2.3",
  "1.2.3.256",
  "01.2.3.4",
  "1.2.3.4.5",
  ":::",
  "1::2::3",
  "12345::",
  "g::",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
])('no address: "%s"', (text) => {
  expect(readAddress(text)).toBeUndefined();
});

test.each(["10.0.0.0/33", "fe80::/129", "10.0.0.0/", "10.0.0.0/a", "10.0.0.0/8/8", "::ffff:10.0.0.0/24"])(
  'no network: "%s"',
  (text) => {
    expect(readNetwork(text)).toBeUndefined();
  },
);

test("all spellings of one address are one", () => {
  expect(readAddress("2001:0db8:0:0:0:0:0:0001")).toEqual(readAddress("2001:db8::1"));
  expect(readAddress("::")).toEqual({ version: 6, bytes: Array.from({ length: 16 }, () => 0) });
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { parseMounts, planMounts } from "./mounts.ts";

const parse = (text: string) => parseMounts(Buffer.from(text, "latin1"));
const line = (device: string, root: string, point: string, type: string): string =>
  `36 35 ${device} ${root} ${point} rw,noatime master:1 - ${type} /dev/x rw`;

test("a line with and without optional fields", () => {
  const text = `${line("8:1", "/", "/", "ext4")}\n37 36 0:5 / /proc rw - proc proc rw\n`;
  expect(parse(text)).toEqual([
    { device: "8:1", root: "/", point: "/", type: "ext4" },
    { device: "0:5", root: "/", point: "/proc", type: "proc" },
  ]);
});

test.each([
  ["a space", "/a\\040b", "/a b"],
  ["a newline", "/a\\012b", "/a\\x0ab"],
  ["a backslash", "/a\\134b", "/a\\x5cb"],
  ["UTF-8", Buffer.from("/Ж").toString("latin1"), "/Ж"],
  ["bytes that are not UTF-8", "/\u00ff", "/\\xff"],
])("a mount point with %s becomes path text, as the walk meets it", (_name, written, point) => {
  expect(parse(line("8:1", "/", written, "ext4"))[0]?.point).toBe(point);
});

test.each(["", "garbage", "36 35 8:1 /", "36 35 8:1 / /x rw -", "36 35 8:1 / /x rw - "])("%j is no mount", (text) => {
  expect(parse(text)).toEqual([]);
});

test("anything is parsed to the end", () => {
  const outcome = fc.check(fc.property(fc.uint8Array(), (bytes) => Array.isArray(parseMounts(bytes))));
  expect(outcome.counterexample).toBeNull();
});

test("what is virtual is passed over in silence, what lies elsewhere is told, what is mounted below either is walked", () => {
  const plan = planMounts(
    parse(
      [
        line("8:1", "/", "/", "ext4"),
        line("0:5", "/", "/dev", "devtmpfs"),
        line("0:6", "/", "/dev/shm", "tmpfs"),
        line("0:7", "/", "/mnt", "nfs4"),
        line("0:8", "/", "/var/lib/docker/overlay2/x/merged", "overlay"),
        line("8:1", "/home", "/export/home", "ext4"),
        line("8:2", "/", "/data", "xfs"),
      ].join("\n"),
    ),
  );
  expect([...plan.skip]).toEqual(["/dev", "/mnt", "/var/lib/docker/overlay2/x/merged", "/export/home"]);
  expect(plan.blind.map(({ point }) => point)).toEqual(["/mnt", "/var/lib/docker/overlay2/x/merged"]);
  expect(plan.starts).toEqual(["/", "/dev/shm"]);
});

test("a root that is itself an overlay, as in a container, is walked", () => {
  expect(planMounts(parse(line("0:9", "/", "/", "overlay"))).starts).toEqual(["/"]);
});

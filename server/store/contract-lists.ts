import { array, assert, constantFrom, integer, property, tuple } from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { FileFacts } from "@provost/shared/model/inventory.ts";
import type { Purl } from "@provost/shared/model/ids.ts";
import { DeviceQuery, ExecutableQuery, PackageQuery } from "@provost/shared/protocol/api.ts";
import {
  asUnproven,
  device,
  deviceAt,
  digit,
  file,
  fill,
  installed,
  judgedAs,
  other,
  purl,
  rank,
  record,
  running,
  walk,
} from "./contract-samples.ts";
import type { Store } from "./store.ts";

/** Lists: their pages, sorts and filters. `scene` gives the open store, with one device in it. */
export function listContract(scene: () => Store): void {
  let store: Store;
  beforeEach(() => {
    store = scene();
  });
  const put = (facts: readonly FileFacts[], now = 2000, judge = asUnproven, on = device): void =>
    store.inventory.putFiles(on, facts, [], judge, now);
  // One commit for all of it: a commit is a write to the disk, and these tests make very many changes.
  const atOnce = (work: () => void): void => store.inventory.transaction(work);
  const executables = (query: Record<string, unknown>) => store.read.executables(ExecutableQuery.parse(query));

  describe("lists", () => {
    const sorts = ExecutableQuery.shape.sort.def.innerType.options;

    test.each(sorts)("executables by %s: the pages are all rows, each once, in order", (sort) => {
      fill(store, 60);
      const seen = walk(
        (cursor) => executables({ sort, limit: 7, cursor }),
        () => undefined,
      );
      expect(seen).toHaveLength(60);
      expect(new Set(seen.map(({ id }) => id)).size).toBe(60);
      const key = (row: (typeof seen)[number]): string | number =>
        ({
          path: row.path,
          changedAt: row.changedAt,
          running: row.running,
          size: row.size,
          standing: -rank(row.standing),
        })[sort.replace("-", "")] ?? "";
      const keys = seen.map(key);
      const sorted = keys.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
      expect(keys).toEqual(sort.startsWith("-") ? sorted.toReversed() : sorted);
    });

    test("a walk through the pages loses and repeats no row while others come and go", () => {
      assert(
        property(
          constantFrom(...sorts),
          integer({ min: 1, max: 9 }),
          array(tuple(constantFrom("add", "drop"), integer({ min: 0, max: 400 })), { maxLength: 30 }),
          (sort, limit, changes) =>
            atOnce(() => {
              store.inventory.startEpoch(device, "again");
              fill(store, 30);
              const stay = new Set(executables({ limit: 500 }).rows.map(({ id }) => id));
              const left = [...changes];
              const seen = walk(
                (cursor) => executables({ sort, limit, cursor }),
                () => {
                  const change = left.pop();
                  if (change === undefined) return;
                  const path = `/z${change[1]}`;
                  if (change[0] === "add")
                    put([file(path, { identity: { dev: 1, ino: 1, size: change[1], ctimeMs: 1 } })], change[1]);
                  else store.inventory.putFiles(device, [], [{ root: "", path }], asUnproven, 1);
                },
              );
              const ids = seen.map(({ id }) => id);
              expect(ids.filter((id) => stay.has(id)).toSorted()).toEqual([...stay].toSorted());
              expect(new Set(ids).size).toBe(ids.length);
            }),
        ),
        { numRuns: 60 },
      );
    });

    test.each<readonly [string, Record<string, unknown>, readonly string[]]>([
      ["no filter", {}, ["/bin/bash", "/bin/dash", "/lib/libc.so", "/opt/x_y"]],
      ["a word", { q: "ash" }, ["/bin/bash", "/bin/dash"]],
      ["a word in capitals", { q: "BASH" }, ["/bin/bash"]],
      ["two words", { q: "bin dash" }, ["/bin/dash"]],
      ["a package's name", { q: "debian/bash@" }, ["/bin/bash"]],
      ["the start of a digest", { q: "b".repeat(12) }, ["/bin/dash"]],
      ["a device", { device }, ["/bin/bash", "/bin/dash", "/lib/libc.so", "/opt/x_y"]],
      ["a device nobody knows", { device: "dev_x" }, []],
      ["a standing", { standing: "signed" }, ["/bin/bash"]],
      ["two standings", { standing: "signed,refuted" }, ["/bin/bash", "/bin/dash"]],
      ["a basis", { basis: "none" }, ["/lib/libc.so", "/opt/x_y"]],
      ["a kind", { kind: "library" }, ["/lib/libc.so"]],
      ["what runs", { running: "true" }, ["/bin/bash"]],
      ["what does not run", { running: "false", kind: "elf" }, ["/bin/dash", "/opt/x_y"]],
      ["a package", { package: purl("bash") }, ["/bin/bash"]],
      ["a digest", { digest: digit("b") }, ["/bin/dash"]],
      [
        "everything at once",
        { q: "bash", standing: "signed", basis: "publisher", kind: "elf", running: "true", device },
        ["/bin/bash"],
      ],
      ["a wildcard", { q: "%" }, []],
      ["an underscore", { q: "x_y" }, ["/opt/x_y"]],
      ["a quote", { q: "' OR 1=1 --" }, []],
      ["a statement", { q: "'; DROP TABLE files; --" }, []],
      ["a device that is a statement", { device: "' OR ''='" }, []],
      ["a package that is a statement", { package: "x') OR 1=1 --" }, []],
      ["many words", { q: "a ".repeat(150) }, ["/bin/bash", "/bin/dash"]],
    ])("executables with %s", (_name, query, expected) => {
      put([file("/bin/bash", { digest: digit("a"), records: [record("bash")] })], 1, judgedAs("signed", "publisher"));
      put([file("/bin/dash", { digest: digit("b") })], 1, judgedAs("refuted", "contradicted"));
      put([file("/lib/libc.so", { kind: "library", digest: digit("c") }), file("/opt/x_y", { digest: digit("d") })]);
      store.inventory.putRunning(device, running([["/bin/bash"]]));
      const answer = executables({ sort: "path", ...query });
      expect(answer.rows.map(({ path }) => path)).toEqual(expected);
      expect(answer.total).toBe(expected.length);
    });

    test.each([
      "",
      "!",
      "eA",
      "W10",
      Buffer.from("[1,2,3]").toString("base64url"),
      Buffer.from('[{},"x"]').toString("base64url"),
    ])("a cursor %j that this server did not write is the first page", (cursor) => {
      atOnce(() => fill(store, 5));
      expect(executables({ sort: "path", cursor }).rows).toHaveLength(5);
    });

    test.each(PackageQuery.shape.sort.def.innerType.options)("packages by %s: all of them, each once", (sort) => {
      for (let at = 0; at < 25; at += 1) store.inventory.putPackages(device, [installed(`p${at % 25}`)], [], at);
      put([file("/a", { records: [record("p3")] })]);
      const seen = walk(
        (cursor) => store.read.packages(PackageQuery.parse({ sort, limit: 4, cursor })),
        () => undefined,
      );
      expect(new Set(seen.map(({ purl: name }) => name)).size).toBe(25);
      expect(seen).toHaveLength(25);
      const owning = seen.find(({ name }) => name === "p3");
      expect(owning?.files).toBe(1);
      const places = { "-executables": 0, executables: 24 };
      expect(seen.indexOf(owning as never)).toBe(
        places[sort as "executables"] ?? seen.findIndex(({ name }) => name === "p3"),
      );
    });

    test.each<readonly [string, Record<string, unknown>, readonly string[]]>([
      ["a word", { q: "ool" }, ["tool"]],
      ["an ecosystem", { ecosystem: "npm" }, ["left"]],
      ["what waits for its proof", { proof: "pending" }, ["tool"]],
      ["what has no signed archive", { proof: "none" }, ["left"]],
      ["what is derived", { proof: "derived" }, ["known"]],
      ["a device", { device: other }, []],
      ["a statement", { q: "' OR 1=1 --" }, []],
    ])("packages with %s", (_name, query, expected) => {
      const npm = { ...installed("left"), ecosystem: "npm" as const, purl: "pkg:npm/left@1" as Purl };
      store.inventory.putPackages(device, [installed("tool"), installed("known"), npm], [], 1);
      store.inventory.setProof(device, "", purl("known"), "derived", "known");
      const answer = store.read.packages(PackageQuery.parse(query));
      expect(answer.rows.map(({ name }) => name)).toEqual(expected);
      expect(answer.total).toBe(expected.length);
    });

    test.each(DeviceQuery.shape.sort.def.innerType.options)("devices by %s: all of them, each once", (sort) => {
      for (let at = 0; at < 12; at += 1)
        store.inventory.addDevice({ id: deviceAt(at), name: `n${at % 3}`, publicKey: "k", epoch: "e" }, at % 5);
      const seen = walk(
        (cursor) => store.read.devices(DeviceQuery.parse({ sort, limit: 5, cursor }), new Set()),
        () => undefined,
      );
      expect(seen).toHaveLength(13);
      expect(new Set(seen.map(({ id }) => id)).size).toBe(13);
      expect(store.read.devices(DeviceQuery.parse({ q: "N1" }), new Set()).total).toBe(4);
      expect(store.read.devices(DeviceQuery.parse({ q: "'--" }), new Set()).total).toBe(0);
    });
  });
}

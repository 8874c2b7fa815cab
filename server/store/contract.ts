import { array, assert, constantFrom, integer, property, tuple } from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FileFacts } from "@provost/shared/model/inventory.ts";
import { ExecutableQuery } from "@provost/shared/protocol/api.ts";
import { auditContract } from "./contract-audit.ts";
import { eventContract } from "./contract-events.ts";
import { gateContract } from "./contract-gate.ts";
import { libraryContract } from "./contract-library.ts";
import { listContract } from "./contract-lists.ts";
import {
  asUnproven,
  device,
  digit,
  file,
  hex,
  installed,
  judgedAs,
  judges,
  other,
  purl,
  record,
  running,
} from "./contract-samples.ts";
import type { Store } from "./store.ts";

/** What every engine must do. `open` gives the store of a folder, the same one when it is opened again. */
export function storeContract(open: (folder: string) => Store, newFolder: () => string): void {
  let folder: string;
  let store: Store;
  beforeEach(() => {
    folder = newFolder();
    store = open(folder);
    store.inventory.addDevice({ id: device, name: "alpha", publicKey: "key", epoch: "one" }, 1000);
  });
  afterEach(() => store.close());
  const again = (): Store => {
    store.close();
    store = open(folder);
    return store;
  };
  const put = (facts: readonly FileFacts[], now = 2000, judge = asUnproven, on = device): void =>
    store.inventory.putFiles(on, facts, [], judge, now);
  // One commit for all of it: a commit is a write to the disk, and these tests make very many changes.
  const atOnce = (work: () => void): void => store.inventory.transaction(work);
  const executables = (query: Record<string, unknown>) => store.read.executables(ExecutableQuery.parse(query));
  const paths = (query: Record<string, unknown>) =>
    executables({ sort: "path", ...query }).rows.map(({ path }) => path);

  auditContract(() => store, again);
  listContract(() => store);
  eventContract(() => store, again);
  gateContract(() => store, again);
  libraryContract(() => store, again);

  describe("access", () => {
    test("keeps one key for ever", () => {
      const key = store.access.serverKey();
      expect(again().access.serverKey()).toEqual(key);
    });

    test("hands a token and a sign-in link out once and before they expire", () => {
      const { access } = store;
      access.addToken("t", 100);
      access.addToken("late", 100);
      expect([access.takeToken("t", device, 99), access.takeToken("t", device, 99)]).toEqual([true, false]);
      expect([access.takeToken("late", device, 100), access.takeToken("other", device, 1)]).toEqual([false, false]);
      const faults = (now: number) => ["t", "late", "other"].map((secret) => access.tokenFault(secret, now));
      expect([faults(99), faults(100)]).toEqual([
        ["used", undefined, "unknown"],
        ["used", "expired", "unknown"],
      ]);
      access.addSignIn("s", 100, { user: "hana", role: "analyst" });
      expect([access.takeSignIn("s", 100), access.takeSignIn("s", 99), access.takeSignIn("s", 99)]).toEqual([
        undefined,
        { user: "hana", role: "analyst" },
        undefined,
      ]);
    });

    test("knows a session until it ends or expires", () => {
      const session = { user: "hana", role: "auditor", csrf: "c", at: 1, expires: 100 } as const;
      store.access.addSession("x", session);
      expect(again().access.session("x", 99)).toEqual(session);
      expect(store.access.session("x", 100)).toBeUndefined();
      store.access.endSession("x");
      expect(store.access.session("x", 1)).toBeUndefined();
    });
  });

  test("a transaction that fails leaves nothing behind", () => {
    expect(() =>
      store.inventory.transaction(() => {
        put([file("/bin/a")]);
        store.inventory.acknowledge(device, 7, 5);
        throw new Error("no");
      }),
    ).toThrow("no");
    expect(executables({}).total).toBe(0);
    expect(store.inventory.device(device)?.acknowledged).toBe(0);
  });

  test("what was committed is there after the store is opened again", () => {
    store.inventory.transaction(() => {
      put([file("/bin/a")]);
      store.inventory.acknowledge(device, 7, 5);
    });
    again();
    expect(paths({})).toEqual(["/bin/a"]);
    expect(store.inventory.device(device)?.acknowledged).toBe(7);
  });

  test("a new epoch forgets all that the device told, and nothing of other devices", () => {
    store.inventory.addDevice({ id: other, name: "beta", publicKey: "key", epoch: "one" }, 1000);
    for (const on of [device, other]) {
      put([file("/bin/a", { records: [record("tool")] })], 2000, asUnproven, on);
      put([file("/bin/a", { digest: digit("b") })], 2001, asUnproven, on);
      store.inventory.putPackages(on, [installed("tool")], [], 1);
      store.inventory.setArchives(on, "", []);
      store.inventory.setConfig(on, "", "config");
      store.inventory.touchProof(on, "", purl("tool"));
      store.inventory.putRunning(on, running([["/bin/a"]]));
    }
    store.inventory.startEpoch(device, "two");
    expect(store.inventory.device(device)).toMatchObject({ epoch: "two", acknowledged: 0 });
    expect(paths({ device })).toEqual([]);
    expect(store.inventory.packages(device, "")).toEqual([]);
    expect(store.inventory.archives(device)).toEqual([]);
    expect(store.inventory.unheldProofs(device, 10)).toEqual([]);
    expect(store.read.processes(device).rows).toEqual([]);
    put([file("/bin/a")], 3000);
    expect(store.read.executable(executables({ device }).rows[0]?.id ?? "")?.rest).toMatchObject({
      history: [],
      processes: [],
    });
    expect(executables({ device }).rows[0]).toMatchObject({ running: 0, firstSeen: 3000 });
    expect(executables({ device: other }).rows[0]).toMatchObject({ running: 1 });
    expect(store.inventory.unheldProofs(other, 10)).toHaveLength(1);
    expect(store.read.package(purl("tool"))?.installs).toHaveLength(1);
  });

  describe("history", () => {
    test("tells every earlier digest with its time, newest first, and nothing else", () => {
      put([file("/bin/a", { digest: digit("a") })], 10);
      put([file("/bin/a", { digest: digit("a") })], 20);
      put([file("/bin/a", { digest: digit("b") })], 30);
      put([file("/bin/a", { digest: undefined as never })], 40);
      const [row] = executables({}).rows;
      expect(row).toMatchObject({ firstSeen: 10, changedAt: 40 });
      expect(row?.digest).toBeUndefined();
      const history = store.read.executable(row?.id ?? "")?.rest.history;
      expect(history?.map(({ digest, from, to }) => [digest, from, to])).toEqual([
        [digit("b"), 30, 40],
        [digit("a"), 10, 30],
      ]);
    });

    test("of two changes told at once keeps what was there before", () => {
      put([file("/bin/a", { digest: digit("a") })], 10);
      put([file("/bin/a", { digest: digit("b") }), file("/bin/a", { digest: digit("c") })], 20);
      const history = store.read.executable(executables({}).rows[0]?.id ?? "")?.rest.history;
      expect(history?.map(({ digest }) => digest)).toEqual([digit("a")]);
    });

    test("keeps the last hundred of a file that changes for ever", () => {
      atOnce(() => {
        for (let at = 0; at < 150; at += 1) put([file("/bin/a", { digest: hex(at) })], at);
      });
      const id = executables({}).rows[0]?.id ?? "";
      expect(store.read.executable(id)?.rest.history).toHaveLength(100);
      store.inventory.putFiles(device, [], [{ root: "", path: "/bin/a" }], asUnproven, 1000);
      put([file("/bin/a")], 2000);
      expect(store.read.executable(id)?.rest.history).toEqual([]);
    });
  });

  describe("what runs", () => {
    test("is counted by processes, once for each, and replaced as a whole", () => {
      put([file("/bin/a"), file("/bin/b")]);
      store.inventory.putRunning(device, running([["/bin/a", "/bin/b", "/bin/b"], ["/bin/a"]]));
      expect(executables({ sort: "path" }).rows.map(({ running: n }) => n)).toEqual([2, 1]);
      const id = executables({ sort: "path" }).rows[0]?.id ?? "";
      expect(store.read.executable(id)?.rest.processes.map(({ pid }) => pid)).toEqual([1, 2]);
      store.inventory.putRunning(device, running([["/bin/b"]]));
      expect(executables({ sort: "path" }).rows.map(({ running: n }) => n)).toEqual([0, 1]);
    });

    test("is counted also when the file is told of later", () => {
      store.inventory.putRunning(device, running([["/bin/a"], ["/bin/a"]]));
      expect(store.read.processes(device).rows[0]).toMatchObject({ standing: "unchecked", path: "/bin/a" });
      put([file("/bin/a")]);
      expect(executables({}).rows[0]).toMatchObject({ running: 2 });
      expect(store.read.processes(device).rows[0]).toMatchObject({ standing: "unproven", mapped: [] });
      expect(store.read.overview(new Set(), 0).running.total).toBe(1);
    });

    test("shows the worst of all that a process maps", () => {
      put([file("/bin/a")], 1, judgedAs("signed", "publisher"));
      put([file("/lib/b")], 1, judgedAs("refuted", "contradicted"));
      store.inventory.putRunning(device, running([["/bin/a", "/lib/b"]]));
      expect(store.read.processes(device).rows[0]).toMatchObject({ standing: "signed", worst: "refuted" });
    });

    test("tells by what an order names a process, where the device told it", () => {
      const frame = running([["/bin/a"], ["/bin/a"]]);
      const [first, second] = frame.processes;
      const processes = [{ ...first, sinceBoot: "12340000000" }, second] as never;
      store.inventory.putRunning(device, { ...frame, processes });
      expect(store.read.processes(device).rows.map(({ sinceBoot }) => sinceBoot)).toEqual(["12340000000", undefined]);
    });

    test("answers within bounds where few long paths are mapped very often", () => {
      const path = `/${"p".repeat(16_000)}`;
      const frame = running([[path]]);
      const [only] = frame.processes;
      const files = Array.from({ length: 2000 }, () => ({ at: 0 }));
      const processes = Array.from({ length: 200 }, (_, pid) => ({ ...only, pid, files }) as never);
      store.inventory.putRunning(device, { ...frame, processes });
      const answer = store.read.processes(device);
      expect(answer.rows).toHaveLength(200);
      expect(JSON.stringify(answer).length).toBeLessThan(32 * 1024 * 1024);
    });

    test("passes over a process that points beyond the list", () => {
      const frame = running([["/bin/a"]]);
      const [only] = frame.processes;
      store.inventory.putRunning(device, { ...frame, processes: [{ ...only, files: [{ at: 5 }] } as never] });
      expect(store.read.processes(device).rows[0]).toMatchObject({ path: "", mapped: [] });
    });
  });

  test("judging again changes the files of that package on that device and root alone", () => {
    put([file("/bin/a", { records: [record("tool")] }), file("/bin/b", { records: [record("else")] })]);
    put([file("/bin/a", { root: "/jail", records: [record("tool")] })]);
    expect(store.inventory.judgeAgain(device, "", purl("tool"), judgedAs("signed", "publisher"), 9)).toBe(1);
    expect(store.inventory.judgeAgain(device, "", purl("tool"), judgedAs("signed", "publisher"), 10)).toBe(0);
    expect(executables({ sort: "path" }).rows.map(({ path, root, standing }) => [root + path, standing])).toEqual(
      expect.arrayContaining([
        ["/bin/a", "signed"],
        ["/bin/b", "unproven"],
        ["/jail/bin/a", "unproven"],
      ]),
    );
  });

  test("counts are what counting every file gives, whatever happened", () => {
    const names = ["/a", "/b", "/c", "/d"];
    const step = tuple(
      constantFrom("put", "gone", "judge", "run", "epoch"),
      constantFrom(...names),
      integer({ min: 0, max: 3 }),
    );
    let epoch = 0;
    assert(
      property(array(step, { maxLength: 25 }), (steps) =>
        atOnce(() => {
          for (const [what, path, kind] of steps) {
            const judge = judges[kind] ?? asUnproven;
            if (what === "put") put([file(path, { records: [record("tool")] })], 1, judge);
            else if (what === "gone") store.inventory.putFiles(device, [], [{ root: "", path }], judge, 1);
            else if (what === "judge") store.inventory.judgeAgain(device, "", purl("tool"), judge, 1);
            else if (what === "run") store.inventory.putRunning(device, running([names.slice(0, kind)]));
            else if (kind === 3) store.inventory.startEpoch(device, String((epoch += 1)));
            const { rows } = executables({ limit: 500 });
            const { executables: all, running: live } = store.read.overview(new Set(), 0);
            for (const [counted, shown] of [
              [all, rows],
              [live, rows.filter((row) => row.running > 0)],
            ] as const) {
              expect(counted.total).toBe(shown.length);
              for (const [standing, n] of Object.entries(counted.standings))
                expect(n).toBe(shown.filter((row) => row.standing === standing).length);
            }
            expect(executables({ standing: "signed", running: "true" }).total).toBe(
              rows.filter((row) => row.standing === "signed" && row.running > 0).length,
            );
          }
        }),
      ),
      { numRuns: 40 },
    );
  });

  test("of a package on two devices the state that wants attention is shown, with its own sentence", () => {
    store.inventory.addDevice({ id: other, name: "beta", publicKey: "key", epoch: "one" }, 1000);
    for (const on of [device, other]) store.inventory.putPackages(on, [installed("tool")], [], 1);
    store.inventory.setProof(device, "", purl("tool"), "derived", "A derived one.");
    store.inventory.setProof(other, "", purl("tool"), "failed", "Zed failed.");
    expect(store.read.package(purl("tool"))?.row).toMatchObject({ devices: 2, proof: "failed", says: "Zed failed." });
  });

  test("no device decides what another one has installed", () => {
    store.inventory.addDevice({ id: other, name: "beta", publicKey: "key", epoch: "one" }, 1000);
    store.inventory.putPackages(other, [{ ...installed("tool"), version: "6.6.6" }], [], 1);
    expect(store.inventory.packageAt(device, "", purl("tool"))).toBeUndefined();
    store.inventory.putPackages(device, [installed("tool")], [], 1);
    expect(store.inventory.packageAt(device, "", purl("tool"))?.version).toBe("1.0-1");
  });

  test("proofs wait until the device holds the newest version; those of what is gone stand in nobody's way", () => {
    const { inventory } = store;
    for (const name of ["aa", "bb", "cc"]) {
      inventory.putPackages(device, [installed(name)], [], 1);
      inventory.touchProof(device, "", purl(name));
    }
    inventory.touchProof(device, "", purl("bb"));
    inventory.heldProof(device, "", purl("bb"), 1);
    inventory.heldProof(device, "", purl("cc"), 1);
    inventory.heldProof(device, "", purl("cc"), 99);
    expect(inventory.unheldProofs(device, 10).map(({ purl: name, version }) => [name, version])).toEqual([
      [purl("aa"), 1],
      [purl("bb"), 2],
    ]);
    inventory.putPackages(device, [], [{ purl: purl("aa"), location: "/var/lib/dpkg", root: "" }], 2);
    expect(
      again()
        .inventory.unheldProofs(device, 1)
        .map(({ purl: name }) => name),
    ).toEqual([purl("bb")]);
  });

  test("search finds devices, packages, paths and digests, and takes no letter for a pattern", () => {
    store.inventory.putPackages(device, [installed("bash")], [], 1);
    put([file("/bin/bash", { digest: digit("a") })]);
    expect(store.read.search("bash").hits.map(({ kind }) => kind)).toEqual(["executable", "package"]);
    expect(store.read.search("alph").hits).toMatchObject([{ kind: "device", id: device }]);
    expect(store.read.search("a".repeat(20)).hits).toMatchObject([{ kind: "executable" }]);
    for (const text of ["", "  ", "%", "_", "' OR 1=1 --"]) expect(store.read.search(text).hits).toEqual([]);
  });
}

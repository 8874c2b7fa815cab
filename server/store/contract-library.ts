import { hash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { instant, type Purl, type Sha256 } from "@provost/shared/model/ids.ts";
import type { InstalledPackage } from "@provost/shared/model/inventory.ts";
import type { DocumentKeys } from "@provost/shared/provenance/document-keys.ts";
import type { SubjectDigest } from "@provost/shared/provenance/said.ts";
import { forgetPullMs } from "../trust/library/pull-store.ts";
import { subjectLimit, type DocumentPage, type LibraryDocument } from "../trust/library/library-store.ts";
import { asUnproven, device, file, hex, judgedAs, running } from "./contract-samples.ts";
import type { Store } from "./store.ts";

/** What every engine must do with documents, pulls and the tokens of machines. */
export function libraryContract(scene: () => Store, again: () => Store): void {
  const library = () => scene().library;
  const names = (page: DocumentPage) => page.rows.map(({ name }) => name);

  describe("the library", () => {
    test("gives a document's exact bytes back, and keeps what it was first told of it", () => {
      const document = { ...documentOf("one"), named: subject("a") };
      expect(library().add(document, keysOf(["a"]), "token ci", instant(5))).toBe("added");
      expect(library().add({ ...document, name: "other" }, keysOf(["a"]), "later", instant(9))).toBe("known");
      const held = again().library.document(document.sha256);
      expect(held).toEqual({ ...document, sha256: undefined, addedAt: 5, from: "token ci", bytes: held?.bytes });
      expect(Buffer.from(held?.bytes ?? []).toString()).toBe("one");
      expect(library().document(documentOf("none").sha256)).toBeUndefined();
      expect(library().count()).toBe(1);
    });

    test("finds by either digest, and by nothing that merely begins the same", () => {
      const sha512 = { algorithm: "sha512", hex: "b".repeat(128) } as const;
      library().add(documentOf("one"), { ...keysOf(["a"]), subjects: [subject("a"), sha512] }, "x", instant(1));
      library().add(documentOf("two"), keysOf(["a"]), "x", instant(2));
      expect(library().bySubject(subject("a"))).toEqual([documentOf("one").sha256, documentOf("two").sha256]);
      expect(library().bySubject(sha512)).toEqual([documentOf("one").sha256]);
      expect(library().bySubject({ algorithm: "sha256", hex: "b".repeat(64) })).toEqual([]);
      expect(library().bySubject(subject("c"))).toEqual([]);
    });

    test("finds by each kind of name, and takes none for another kind", () => {
      const keys: DocumentKeys = {
        kind: "dsse",
        subjects: [],
        purls: ["pkg:npm/a@1"],
        repositories: ["github.com/o/r"],
        commits: ["d".repeat(40)],
        builders: ["https://builder"],
        signers: ["https://issuer me", "me"],
        predicates: ["https://slsa.dev/provenance/v1"],
      };
      library().add(documentOf("one"), keys, "x", instant(1));
      const page = { limit: 10 };
      const asked = [
        (value: string) => library().byPurl(value, page),
        (value: string) => library().byRepository(value, page),
        (value: string) => library().byCommit(value, page),
        (value: string) => library().byBuilder(value, page),
        (value: string) => library().bySigner(value, page),
        (value: string) => library().byPredicate(value, page),
      ];
      const values = [
        "pkg:npm/a@1",
        "github.com/o/r",
        "d".repeat(40),
        "https://builder",
        "me",
        "https://slsa.dev/provenance/v1",
      ];
      for (const [at, by] of asked.entries())
        for (const [other, value] of values.entries())
          expect([at, other, names(by(value))]).toEqual([at, other, at === other ? ["one"] : []]);
    });

    test("a walk through the pages loses and repeats nothing while documents come", () => {
      for (let at = 0; at < 7; at += 1) library().add(documentOf(`d${at}`), keysOf(["a"]), "x", instant(at));
      const seen: (string | undefined)[] = [];
      let cursor: string | undefined;
      do {
        const page = library().listSubject(subject("a"), { limit: 3, ...(cursor === undefined ? {} : { cursor }) });
        seen.push(...names(page));
        cursor = page.next;
        if (seen.length === 3) library().add(documentOf("late"), keysOf(["a"]), "x", instant(9));
      } while (cursor !== undefined);
      expect(seen).toEqual(["d0", "d1", "d2", "d3", "d4", "d5", "d6", "late"]);
      expect(names(library().all({ limit: 2, cursor: "made up" }))).toEqual(["d0", "d1"]);
    });

    test("a subject that is flooded keeps showing what was there first", () => {
      library().transaction(() => {
        for (let at = 0; at < subjectLimit + 5; at += 1)
          library().add(documentOf(`d${at}`), keysOf(["a"]), "x", instant(at));
      });
      const found = library().bySubject(subject("a"));
      expect(found).toHaveLength(subjectLimit);
      expect(found[0]).toBe(documentOf("d0").sha256);
    });

    test("a document that is known is filed under what it is newly said to be about", () => {
      library().add(documentOf("one"), keysOf(["a"]), "x", instant(1));
      library().add(documentOf("one"), keysOf(["b"]), "x", instant(2));
      expect(library().bySubject(subject("b"))).toEqual([documentOf("one").sha256]);
    });

    test("tells what each document of a subject names as its source", () => {
      library().add(
        documentOf("one"),
        { ...keysOf(["a"]), repositories: ["github.com/o/r", "github.com/o/s"] },
        "x",
        instant(1),
      );
      library().add(documentOf("two"), keysOf(["a"]), "x", instant(2));
      expect(library().sourcesOf(subject("a"))).toEqual([
        { sha256: documentOf("one").sha256, repositories: ["github.com/o/r", "github.com/o/s"] },
      ]);
    });

    test("an export walks all in the order they came, with the subject that was named for each", () => {
      for (let at = 0; at < 5; at += 1)
        library().add(
          { ...documentOf(`d${at}`), ...(at === 2 ? { named: subject("c") } : {}) },
          keysOf(["a"]),
          "x",
          instant(at),
        );
      const first = library().each(0, 3);
      expect(first.map(({ name, named }) => [name, named])).toEqual([
        ["d0", undefined],
        ["d1", undefined],
        ["d2", subject("c")],
      ]);
      expect(
        library()
          .each(first.at(-1)?.number ?? 0, 3)
          .map(({ name }) => name),
      ).toEqual(["d3", "d4"]);
    });

    test("of a transaction that fails nothing is there, neither bytes nor index", () => {
      const work = () =>
        library().transaction(() => {
          library().add(documentOf("one"), keysOf(["a"]), "x", instant(1));
          throw new Error("full");
        });
      expect(work).toThrow("full");
      expect([
        library().count(),
        library().bySubject(subject("a")),
        library().document(documentOf("one").sha256),
      ]).toEqual([0, [], undefined]);
    });
  });

  describe("what may be asked for elsewhere", () => {
    const put = (installed: Partial<InstalledPackage>) =>
      scene().inventory.putPackages(device, [{ ...packageOf("left"), ...installed }], [], 1);
    test("npm and PyPI packages are told once for each place they came from, Debian's never", () => {
      put({ location: "/a", origin: "https://registry.npmjs.org" });
      put({ location: "/b", origin: "https://registry.npmjs.org" });
      put({ location: "/c" });
      put({ location: "/d", ecosystem: "deb" });
      put({ location: "/e", ecosystem: "pypi", name: "right" });
      expect(
        scene()
          .inventory.registryPackages()
          .toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
      ).toEqual([
        { ecosystem: "npm", name: "left", version: "1", origin: "https://registry.npmjs.org" },
        { ecosystem: "npm", name: "left", version: "1" },
        { ecosystem: "pypi", name: "right", version: "1" },
      ]);
    });

    test("digests that nothing claims are told, what runs first, and no others", () => {
      const { inventory } = scene();
      inventory.putFiles(
        device,
        [file("/a", { digest: hex(1) }), file("/b", { digest: hex(2) }), file("/c", { digest: hex(2) })],
        [],
        asUnproven,
        1,
      );
      inventory.putFiles(device, [file("/s", { digest: hex(3) })], [], judgedAs("signed", "publisher"), 1);
      inventory.putRunning(device, running([["/b"]]));
      expect(inventory.unclaimedDigests(9)).toEqual([hex(2), hex(1)]);
      expect(inventory.unclaimedDigests(1)).toEqual([hex(2)]);
    });
  });

  describe("pulls", () => {
    const pulls = () => scene().pulls;
    test("are asked once, are due again when their time comes, and survive", () => {
      pulls().wantPulls("npm", ["package npm a 1", "package npm b 1"], instant(10));
      pulls().wantPulls("npm", ["package npm a 1"], instant(99));
      expect(pulls().duePulls("npm", instant(9), 9)).toEqual([]);
      expect(
        pulls()
          .duePulls("npm", instant(10), 9)
          .map(({ wanted }) => wanted),
      ).toEqual(["package npm a 1", "package npm b 1"]);
      pulls().settlePull("npm", "package npm a 1", { state: "found", says: "", attempts: 0, dueAt: instant(50) }, [
        ["https://x/", '"e"'],
      ]);
      const { pulls: reopened } = again();
      expect(reopened.duePulls("npm", instant(20), 9)).toEqual([{ wanted: "package npm b 1", attempts: 0 }]);
      expect(reopened.pullCounts("npm")).toEqual({ pending: 1, found: 1, nothing: 0, failed: 0 });
      expect([reopened.etagOf("https://x/"), reopened.etagOf("https://y/")]).toEqual(['"e"', undefined]);
      expect([reopened.nextPullAt(["npm"]), reopened.nextPullAt(["pypi"])]).toEqual([10, undefined]);
    });
  });

  test("pulls that nobody wants any more are forgotten, those that are wanted again are not", () => {
    const { pulls } = scene();
    pulls.wantPulls("npm", ["package npm a 1", "package npm b 1"], instant(1));
    pulls.wantPulls("npm", ["package npm a 1"], instant(forgetPullMs));
    pulls.wantPulls("npm", [], instant(forgetPullMs + 10));
    expect(pulls.duePulls("npm", instant(forgetPullMs + 10), 9).map(({ wanted }) => wanted)).toEqual([
      "package npm a 1",
    ]);
  });

  describe("tokens of machines", () => {
    const token = (id: string, createdAt = 1) =>
      ({ id, name: id, scopes: ["documents:read"], limits: {}, createdAt, expiresAt: createdAt + 1000 }) as const;
    test("are found by their id with their digest, end once, and are forgotten in the end", () => {
      const { machines } = scene();
      machines.addMachineToken(token("a"), Buffer.from("digest"));
      expect(machines.machineToken("a")).toEqual({ token: token("a"), secretDigest: Buffer.from("digest") });
      expect(machines.machineToken("b")).toBeUndefined();
      machines.machineTokenUsed("a", 7);
      expect([
        machines.revokeMachineToken("a", 9),
        machines.revokeMachineToken("a", 10),
        machines.revokeMachineToken("b", 9),
      ]).toEqual([true, false, false]);
      expect(again().machines.machineTokens()).toEqual([{ ...token("a"), usedAt: 7, revokedAt: 9 }]);
      scene().machines.addMachineToken(token("late", 100 * 86_400_000), Buffer.from("x"));
      expect(
        scene()
          .machines.machineTokens()
          .map(({ id }) => id),
      ).toEqual(["late"]);
    });
  });
}

const packageOf = (name: string): InstalledPackage => ({
  purl: `pkg:npm/${name}@1` as Purl,
  ecosystem: "npm",
  name,
  version: "1",
  location: "/",
  root: "",
});

const subject = (letter: string): SubjectDigest => ({ algorithm: "sha256", hex: letter.repeat(64) });

const documentOf = (text: string): LibraryDocument => ({
  bytes: Buffer.from(text),
  sha256: hash("sha256", text, "hex") as Sha256,
  mediaType: "application/json",
  name: text,
});

const keysOf = (letters: readonly string[]): DocumentKeys => ({
  kind: "dsse",
  subjects: letters.map(subject),
  purls: [],
  repositories: [],
  commits: [],
  builders: [],
  signers: [],
  predicates: [],
});

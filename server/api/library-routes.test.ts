import { hash } from "node:crypto";
import { connect } from "node:net";
import { gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DocumentList, Imported, Received } from "@provost/shared/protocol/library-api.ts";
import { Problem } from "@provost/shared/protocol/api.ts";
import { libraryLimits } from "../trust/library/limits.ts";
import { newSignInLink } from "./login.ts";
import { openLibraryWorld, type Body, type LibraryWorld } from "../../test/support/library-world.ts";
import { digestText, minisignText, provenanceEnvelope } from "../../test/support/statements.ts";

let scene: LibraryWorld;
let writer: string;
let reader: string;
let admin: string;
let count = 0;
beforeAll(async () => {
  scene = await openLibraryWorld();
  writer = await scene.token(["documents:write"]);
  reader = await scene.token(["documents:read"]);
  admin = await scene.token(["library:admin"]);
});
afterAll(() => scene.close());

/** A digest that no other test of this file has. */
const freshDigest = (): string => hash("sha256", `fresh ${(count += 1)}`, "hex");
const upload = (body: Body, query = "", type?: string) =>
  scene.machine(writer, "POST", `/api/v1/documents${query}`, body, type);
const received = (json: unknown) => Received.parse(json);

test("a document is added once, known the second time, and found by what it says it is about", async () => {
  const sha256 = freshDigest();
  const document = provenanceEnvelope(sha256, "o/found", { purl: "pkg:npm/found@1.0.0" });
  const first = await upload(document, "?name=app.intoto.json");
  expect([first.status, received(first.json)]).toMatchObject([
    200,
    { added: 1, documents: [{ number: 1, outcome: "added", kind: "dsse", subjects: 1 }] },
  ]);
  expect(received((await upload(document)).json)).toMatchObject({ added: 0, known: 1 });
  const own = hash("sha256", document, "hex");
  for (const query of [
    `subject=${sha256}`,
    `subject=sha256:${sha256}`,
    "purl=pkg:npm/found@1.0.0",
    "repository=github.com/o/found",
  ]) {
    const { status, json } = await scene.machine(reader, "GET", `/api/v1/documents?${query}`);
    expect([query, status, DocumentList.parse(json).rows]).toMatchObject([
      query,
      200,
      [{ sha256: own, name: "app.intoto.json", from: "token ci" }],
    ]);
  }
  const bytes = await scene.machine(reader, "GET", `/api/v1/documents/${own}`);
  expect(bytes.bytes.toString()).toBe(document);
  expect(bytes.headers.get("content-type")).toMatch(/^text\/plain/);
  expect(bytes.headers.get("x-content-type-options")).toBe("nosniff");
});

test("what is stored is there after a restart, and listeners were told its subject", async () => {
  const told: string[] = [];
  const stop = scene.world.parts.library.onAdded((subjects) => void told.push(...subjects.map(({ hex }) => hex)));
  const sha256 = freshDigest();
  await upload(provenanceEnvelope(sha256));
  stop();
  await upload(provenanceEnvelope(freshDigest()));
  expect(told).toEqual([sha256]);
});

test("two documents that name different sources for one subject are both kept, and it is said", async () => {
  const sha256 = freshDigest();
  const [one, two] = [provenanceEnvelope(sha256, "o/one"), provenanceEnvelope(sha256, "o/two")];
  await upload(one);
  const { status, json } = await upload(two);
  expect([status, received(json)]).toMatchObject([
    200,
    {
      contradictory: 1,
      documents: [
        {
          outcome: "contradictory",
          contradicts: [hash("sha256", one, "hex")],
          why: expect.stringContaining("both are kept"),
        },
      ],
    },
  ]);
  expect(
    DocumentList.parse((await scene.machine(reader, "GET", `/api/v1/documents?subject=${sha256}`)).json).rows,
  ).toHaveLength(2);
});

test.each<readonly [string, string, string, string, RegExp]>([
  ["text", "hello", "", "DOCUMENT_REFUSED", /no format/],
  ["half a document", provenanceEnvelope(digestText("a")).slice(0, -20), "", "DOCUMENT_REFUSED", /not read/],
  ["a signature about nothing", minisignText, "", "DOCUMENT_REFUSED", /names nothing/],
  [
    "a document about something else",
    provenanceEnvelope(digestText("a")),
    `?subject=${digestText("b")}`,
    "DOCUMENT_REFUSED",
    /other files/,
  ],
  ["nothing", "", "", "DOCUMENT_REFUSED", /no format/],
])("%s is refused with 422, a code and a reason", async (_name, body, query, code, why) => {
  const { status, json } = await upload(body, query);
  expect([status, received(json)]).toMatchObject([
    422,
    { refused: 1, documents: [{ outcome: "refused", code, why: expect.stringMatching(why) }] },
  ]);
});

test("a signature about nothing is kept under the subject that is named for it", async () => {
  const sha256 = freshDigest();
  expect((await upload(minisignText, `?subject=sha256:${sha256}`)).status).toBe(200);
  expect(
    DocumentList.parse((await scene.machine(reader, "GET", `/api/v1/documents?subject=${sha256}`)).json).rows,
  ).toMatchObject([{ kind: "minisign" }]);
});

test("lines are documents of their own: each has its outcome, and a bad one stops no other", async () => {
  const [one, two] = [provenanceEnvelope(freshDigest()), provenanceEnvelope(freshDigest())];
  const { status, json } = await upload(`${one}\n\n{"no": "format"}\r\n${two}\n${one}`, "", "application/x-ndjson");
  const found = received(json);
  expect([status, found]).toMatchObject([200, { added: 2, known: 1, refused: 1, untold: 0 }]);
  expect(found.documents.map(({ number, outcome }) => [number, outcome])).toEqual([
    [1, "added"],
    [2, "refused"],
    [3, "added"],
    [4, "known"],
  ]);
});

test.each([
  ["gzip", gzipSync],
  ["zstd", zstdCompressSync],
])("a body packed with %s is unpacked first", async (encoding, pack) => {
  const answer = await fetch(`${scene.world.address}/api/v1/documents`, {
    method: "POST",
    headers: { authorization: `Bearer ${writer}`, "content-encoding": encoding },
    body: new Uint8Array(pack(Buffer.from(provenanceEnvelope(freshDigest())))),
  });
  expect([answer.status, received(await answer.json())]).toMatchObject([200, { added: 1 }]);
});

test("a bomb is bounded by what it unpacks to", async () => {
  const answer = await fetch(`${scene.world.address}/api/v1/documents`, {
    method: "POST",
    headers: { authorization: `Bearer ${writer}`, "content-encoding": "zstd" },
    body: new Uint8Array(zstdCompressSync(Buffer.alloc(100 * 1024 * 1024))),
  });
  expect([answer.status, Problem.parse(await answer.json()).code]).toEqual([413, "LIMIT"]);
});

test("a document of 100 MB is refused with the limit, whether or not it says its length", async () => {
  const told = await upload(Buffer.alloc(100 * 1024 * 1024, 0x20));
  expect([told.status, Problem.parse(told.json)]).toMatchObject([
    413,
    { code: "LIMIT", detail: expect.stringContaining("16777216") },
  ]);
  const silent = await upload(
    new ReadableStream({ pull: (stream) => stream.enqueue(Buffer.alloc(1024 * 1024, 0x20)) }),
  );
  expect([silent.status, Problem.parse(silent.json).code]).toEqual([413, "LIMIT"]);
});

test("a line that is too long is refused for itself; those around it are taken", async () => {
  const long = Buffer.alloc(17 * 1024 * 1024, 0x20);
  const body = Buffer.concat([
    Buffer.from(`${provenanceEnvelope(freshDigest())}\n`),
    long,
    Buffer.from(`\n${provenanceEnvelope(freshDigest())}`),
  ]);
  const { json } = await upload(body, "", "application/x-ndjson");
  expect(received(json)).toMatchObject({
    added: 2,
    refused: 1,
    documents: [{}, { outcome: "refused", code: "LIMIT" }, {}],
  });
});

test("an upload that breaks off in the middle keeps the whole lines before it and answers nobody", async () => {
  const sha256 = freshDigest();
  const lines = Array.from({ length: 64 }, (_, at) => provenanceEnvelope(at === 0 ? sha256 : freshDigest())).join("\n");
  const { hostname, port } = new URL(scene.world.address);
  const socket = connect(Number(port), hostname);
  const half = `POST /api/v1/documents HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${writer}\r\ncontent-type: application/x-ndjson\r\ncontent-length: 99999999\r\n\r\n${lines}\n{"half`;
  await new Promise<void>((resolve) => socket.write(half, () => resolve()));
  await expect
    .poll(() => scene.world.parts.store.library.bySubject({ algorithm: "sha256", hex: sha256 }).length)
    .toBe(1);
  socket.destroy();
  expect((await scene.machine(reader, "GET", "/api/v1/documents?limit=1")).status).toBe(200);
});

test.each<readonly [string, string, string]>([
  ["GET", "/api/v1/documents", "documents:read"],
  ["POST", "/api/v1/documents", "documents:write"],
  ["GET", `/api/v1/documents/${"0".repeat(64)}`, "documents:read"],
  ["GET", "/api/v1/library/export", "library:admin"],
  ["POST", "/api/v1/library/import", "library:admin"],
])("%s %s needs the scope %s, and without any token says so", async (method, path, scope) => {
  const body = method === "POST" ? "x" : undefined;
  const nobody = await scene.machine(undefined, method, path, body);
  expect([nobody.status, Problem.parse(nobody.json).code, nobody.headers.get("www-authenticate")]).toEqual([
    401,
    "TOKEN_REFUSED",
    "Bearer",
  ]);
  for (const [secret, granted] of [
    [writer, "documents:write"],
    [reader, "documents:read"],
  ] as const) {
    if (granted === scope) continue;
    const other = await scene.machine(secret, method, path, body);
    expect([other.status, Problem.parse(other.json)]).toMatchObject([
      403,
      { code: "NOT_ALLOWED", detail: expect.stringContaining(scope) },
    ]);
  }
});

test.each([
  "subject=zz",
  `subject=md5:${"a".repeat(32)}`,
  "limit=0",
  "limit=501",
  `purl=${"x".repeat(5000)}`,
  "purl=a&repository=b",
])("the question %j is refused with 400", async (query) => {
  const { status, json } = await scene.machine(reader, "GET", `/api/v1/documents?${query}`);
  expect([status, Problem.parse(json).code]).toEqual([400, "CONFIG_INVALID"]);
});

test("a signed-in owner may do what a machine may, with the session's own token against forged requests", async () => {
  const { address, parts } = scene.world;
  expect((await scene.owner("GET", "/api/v1/documents?limit=1")).status).toBe(200);
  expect((await scene.owner("POST", "/api/v1/documents", JSON.parse(provenanceEnvelope(freshDigest())))).status).toBe(
    200,
  );
  const link = await fetch(newSignInLink(parts), { redirect: "manual" });
  const cookie = String(link.headers.get("set-cookie")).split(";")[0] ?? "";
  for (const path of ["/api/v1/documents", "/api/v1/library/import", "/api/v1/tokens"]) {
    const forged = await fetch(address + path, { method: "POST", headers: { cookie }, body: "{}" });
    expect([path, forged.status]).toEqual([path, 403]);
  }
});

test("the API's document tells of every address of the library, with its scope", async () => {
  const { paths } = (await scene.machine(undefined, "GET", "/api/v1/openapi.json")).json as {
    paths: Record<string, Record<string, { security: unknown; operationId: string }>>;
  };
  expect(paths["/api/v1/documents"]?.["post"]).toMatchObject({
    operationId: "uploadDocuments",
    security: [{ token: ["documents:write"] }, { session: [] }],
  });
  expect(paths["/api/v1/documents/{sha256}"]?.["get"]?.operationId).toBe("document");
  expect(paths["/api/v1/tokens/{id}/revoke"]?.["post"]?.security).toEqual([{ session: [] }]);
});

test("a name that would move a cursor is kept as a plain one", async () => {
  const sha256 = freshDigest();
  await upload(provenanceEnvelope(sha256), `?name=${encodeURIComponent("a\u001b[2Jb\u202ec")}`);
  const { rows } = DocumentList.parse((await scene.machine(reader, "GET", `/api/v1/documents?subject=${sha256}`)).json);
  expect(rows[0]?.name).toBe("a?[2Jb?c");
});

test("more uploads than one caller may have at a time are told to wait, and others are let in", async () => {
  const { hostname, port } = new URL(scene.world.address);
  const head = `POST /api/v1/documents HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${admin}\r\ncontent-length: 9\r\n\r\n{`;
  const slow = Array.from({ length: libraryLimits.uploadsPerCaller }, () => {
    const socket = connect(Number(port), hostname);
    socket.write(head);
    return socket;
  });
  const tried = () => scene.machine(admin, "POST", "/api/v1/documents", provenanceEnvelope(freshDigest()));
  await expect.poll(async () => (await tried()).status).toBe(429);
  expect((await tried()).headers.get("retry-after")).toBe("5");
  expect((await upload(provenanceEnvelope(freshDigest()))).status).toBe(200);
  for (const socket of slow) socket.destroy();
  await expect.poll(async () => (await tried()).status).toBe(200);
});

test("a whole library goes out and into another one: documents, named subjects, and a digest over all", async () => {
  const sha256 = freshDigest();
  await upload(minisignText.replace("comment: x", "comment: export"), `?subject=${sha256}`);
  const { status, bytes } = await scene.machine(admin, "GET", "/api/v1/library/export");
  expect(status).toBe(200);
  const total = scene.world.parts.store.library.count();
  const other = await openLibraryWorld();
  const secret = await other.token(["library:admin"]);
  const post = (body: Buffer) =>
    fetch(`${other.world.address}/api/v1/library/import`, {
      method: "POST",
      headers: { authorization: `Bearer ${secret}`, "content-encoding": "zstd" },
      body: new Uint8Array(body),
    });
  const whole = await post(bytes);
  expect([whole.status, Imported.parse(await whole.json())]).toMatchObject([
    200,
    { complete: true, refused: 0, says: `all ${total} documents of the export came` },
  ]);
  expect(other.world.parts.store.library.count()).toBe(total);
  expect(other.world.parts.store.library.bySubject({ algorithm: "sha256", hex: sha256 })).toHaveLength(1);
  expect(Imported.parse(await (await post(bytes)).json())).toMatchObject({ complete: true, added: 0, known: total });

  const lines = zstdDecompressSync(bytes).toString().trim().split("\n");
  const packed = (text: readonly string[]) => zstdCompressSync(Buffer.from(`${text.join("\n")}\n`));
  const cut = await post(packed(lines.slice(0, -1)));
  expect([cut.status, Imported.parse(await cut.json())]).toMatchObject([
    422,
    { complete: false, says: expect.stringContaining("cut short") },
  ]);
  const swapped = await post(packed([lines[0] ?? "", lines[2] ?? "", lines[1] ?? "", ...lines.slice(3)]));
  expect(swapped.status).toBe(422);
  const changed = await post(
    packed(lines.map((line, at) => (at === 1 ? line.replace(/"sha256":"../, '"sha256":"00') : line))),
  );
  expect([changed.status, Imported.parse(await changed.json())]).toMatchObject([422, { refused: 1, complete: false }]);
  const foreign = await post(zstdCompressSync(Buffer.from("{}\n")));
  expect([foreign.status, Problem.parse(await foreign.json()).code]).toEqual([422, "DOCUMENT_REFUSED"]);
  await other.close();
});

import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import { errorCodes } from "@provost/shared/lib/app-error.ts";
import { Problem, api } from "@provost/shared/protocol/api.ts";
import { libraryApi } from "@provost/shared/protocol/library-api.ts";
import { trustApi } from "@provost/shared/protocol/trust-api.ts";
import {
  digestOf,
  factsOf,
  filesFrame,
  packageNamed,
  packagesFrame,
  purlOf,
  recordOf,
} from "../../test/support/frames.ts";
import { enrolled } from "../../test/support/raw-agent.ts";
import { openWorld, until } from "../../test/support/server-world.ts";
import type { World } from "../../test/support/server-world.ts";
import { newSignInLink } from "./login.ts";

let world: World;
let cookie: string;
let csrf: string;
let device: DeviceId;
let executable: string;
let evidence: string;

interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A request as it is, without what fetch would tidy away. */
function ask(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answered> {
  const { hostname, port } = new URL(world.address);
  return new Promise((resolve, reject) => {
    const sent = request(
      { hostname, port, path, method: options.method ?? "GET", headers: options.headers },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("end", () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks).toString() }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(options.body);
  });
}

const signedIn = (path: string, options: Parameters<typeof ask>[1] = {}) =>
  ask(path, { ...options, headers: { cookie, ...options.headers } });
const signIn = async (): Promise<string> => {
  const answer = await ask(new URL(newSignInLink(world.parts)).pathname + new URL(newSignInLink(world.parts)).search);
  return String(answer.headers["set-cookie"]?.[0]).split(";")[0] ?? "";
};

beforeAll(async () => {
  world = await openWorld();
  mkdirSync(join(world.consoleFolder, "assets"), { recursive: true });
  writeFileSync(join(world.consoleFolder, "index.html"), "<!doctype html><title>console</title>");
  writeFileSync(join(world.consoleFolder, "assets", "main.js"), "export {};");
  writeFileSync(join(world.folder, "secret.txt"), "secret");
  cookie = await signIn();
  csrf = (JSON.parse((await signedIn("/api/v1/session")).body) as { csrf: string }).csrf;
  const { raw, device: made } = await enrolled(world.address, world.token());
  device = made.id as DeviceId;
  const long = `/${"long/".repeat(3000)}x`;
  raw.batch(1, [
    {
      kind: "device",
      name: "alpha",
      os: "Debian",
      kernel: "6",
      arch: "amd64",
      mode: "record",
      tier: "A",
      facts: { cpu: "two" },
    },
    {
      kind: "archives",
      root: "",
      sources: [
        {
          uri: "http://127.0.0.1:9/debian",
          suite: "x",
          components: ["main"],
          architectures: [],
          keyrings: [],
          fingerprints: [],
          from: "/etc/apt/sources.list",
        },
      ],
    },
    packagesFrame([packageNamed("bash"), packageNamed("left", { ecosystem: "npm", purl: "pkg:npm/left@1" as never })]),
    filesFrame([
      factsOf("/bin/bash", { mode: 0o4755, records: [recordOf("/bin/bash", "bash")] }),
      factsOf(long, { digest: digestOf("/bin/bash"), records: [recordOf(long, "bash", { agrees: "no" })] }),
      factsOf("/opt/x", {
        root: "/jail",
        unreadable: "EACCES",
        digest: undefined as never,
        identity: { dev: 1, ino: 1, size: 1, ctimeMs: -1e300 },
      }),
    ]),
    filesFrame([factsOf("/bin/bash", { digest: digestOf("new"), records: [recordOf("/bin/bash", "bash")] })]),
    {
      kind: "running",
      at: 5,
      files: [
        { root: "", path: "/bin/bash" },
        { root: "", path: "/gone" },
      ],
      processes: [
        {
          pid: 1,
          parent: 0,
          startedAt: 1,
          uid: 0,
          user: "root",
          command: "bash",
          container: "c",
          files: [{ at: 0 }, { at: 1, note: "deleted" }],
        },
      ],
    },
    {
      kind: "scan",
      state: "done",
      filesSeen: 3,
      executables: 3,
      hashed: 2,
      toHash: 0,
      bytesHashed: 5,
      startedAt: 1,
      endedAt: 2,
      blind: [{ what: "w", count: 1, why: "y" }],
      problems: [{ path: "/p", basis: "unreadable", why: "z" }],
    },
    { kind: "health", agentVersion: "1", rssBytes: 1, cpuShare: 0.1, spooledFrames: 0, spooledBytes: 0, at: 6 },
    { kind: "lost", lane: "telemetry", count: 2, why: "full", at: 7 },
  ]);
  await raw.next("ack");
  executable = world.parts.store.read.executables({ limit: 1, sort: "-running" }).rows[0]?.id ?? "";
  evidence = world.parts.store.evidence.put(Buffer.from("<script>alert(1)</script>"), "text/html", "a page").sha256;
});
afterAll(() => world.close());

const routes = Object.entries(api).map(([name, { method, path }]) => [name, method, path] as const);
const placed = (path: string): string =>
  path.replace("/executables/:id", `/executables/${executable}`).replace(":id", device);
const query: Record<string, string> = { package: `?purl=${encodeURIComponent(purlOf("bash"))}`, search: "?q=bash" };

describe("without a session", () => {
  test.each([
    ...routes,
    ["live", "GET", "/api/v1/live"] as const,
    ["evidence", "GET", `/api/v1/evidence/${"0".repeat(64)}`] as const,
  ])("%s is refused with 401", async (_name, method, path) => {
    const attempts = [{}, { cookie: "provost_session=" }, { cookie: `provost_session=${"A".repeat(32)}` }];
    for (const headers of attempts) {
      const answer = await ask(placed(path), { method, headers });
      expect([answer.status, Problem.parse(JSON.parse(answer.body)).code]).toEqual([401, "SESSION_REFUSED"]);
    }
  });

  test("a stranger's body is not even read", async () => {
    const answer = await ask("/api/v1/enrolment-tokens", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{",
    });
    expect(answer.status).toBe(401);
  });
});

test.each(routes.filter(([, method]) => method === "POST"))(
  "%s needs the session's own x-csrf",
  async (_name, method, path) => {
    for (const headers of [{}, { "x-csrf": "" }, { "x-csrf": csrf.slice(1) }] as Record<string, string>[]) {
      const answer = await signedIn(path, { method, headers });
      expect([answer.status, Problem.parse(JSON.parse(answer.body)).code]).toEqual([403, "SESSION_REFUSED"]);
    }
  },
);

/** They need a body, or something that is there: their own tests ask them. */
const asking = new Set([
  "signOut",
  "decideRequest",
  "previewCommand",
  "newCommand",
  "cancelCommand",
  "incident",
  "closeIncident",
  "policy",
  "rehearsePolicy",
  "publishPolicy",
  "turnOnRing",
]);

test.each(routes.filter(([name]) => !asking.has(name)))("%s answers as its schema says", async (name, method, path) => {
  const answer = await signedIn(placed(path) + (query[name] ?? ""), {
    method,
    headers: method === "POST" ? { "x-csrf": csrf } : {},
  });
  expect(answer.status).toBe(200);
  const schema = api[name as keyof typeof api].answer;
  const parsed = schema.safeParse(JSON.parse(answer.body));
  expect(parsed.error?.issues).toBeUndefined();
  // Nothing is answered that the table does not tell of.
  expect(parsed.data).toEqual(JSON.parse(answer.body));
  expect(answer.headers["cache-control"]).toBe("no-store");
});

test("every executable's detail answers as its schema says", async () => {
  const { rows } = world.parts.store.read.executables({ limit: 500, sort: "path" });
  expect(rows).toHaveLength(3);
  for (const { id } of rows) {
    const answer = await signedIn(`/api/v1/executables/${id}`);
    expect(api.executable.answer.safeParse(JSON.parse(answer.body)).error?.issues).toBeUndefined();
  }
  const shown = api.executable.answer.parse(JSON.parse((await signedIn(`/api/v1/executables/${executable}`)).body));
  expect(shown).toMatchObject({ running: 1, history: [{ digest: digestOf("/bin/bash") }], processes: [{ pid: 1 }] });
});

test.each(["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.2"])(
  "the host name %j is not answered",
  async (host) => {
    for (const path of ["/", "/api/v1/session", "/sign-in?token=x", "/assets/main.js"]) {
      const answer = await signedIn(path, { headers: { host } });
      expect([answer.status, Problem.parse(JSON.parse(answer.body)).status]).toEqual([421, 421]);
    }
  },
);

test.each(["localhost", "LOCALHOST:1234", "127.0.0.1:1", "[::1]:80"])("the host name %s is answered", async (host) => {
  expect((await signedIn("/api/v1/session", { headers: { host } })).status).toBe(200);
});

describe("a sign-in link", () => {
  const link = () => new URL(newSignInLink(world.parts));

  test("works once", async () => {
    const { pathname, search } = link();
    const first = await ask(pathname + search);
    expect(first).toMatchObject({ status: 303, headers: { location: "/" } });
    expect(first.headers["set-cookie"]?.[0]).toMatch(
      /^provost_session=[\w-]{32}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
    );
    const second = await ask(pathname + search);
    expect(second).toMatchObject({ status: 303, headers: { location: "/?sign-in=expired" } });
    expect(second.headers["set-cookie"]).toBeUndefined();
  });

  test("signs in whoever it was made for, with what they may do", async () => {
    const { pathname, search } = new URL(newSignInLink(world.parts, { user: "hana", role: "analyst" }));
    const opened = (await ask(pathname + search)).headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    const read = await ask("/api/v1/session", { headers: { cookie: opened } });
    const session = JSON.parse(read.body) as { csrf: string };
    expect(session).toMatchObject({ user: "hana", role: "analyst" });
    const headers = { cookie: opened, "x-csrf": session.csrf };
    const token = await ask("/api/v1/enrolment-tokens", { method: "POST", headers });
    expect([token.status, token.body]).toEqual([
      403,
      expect.stringContaining("what concerns every device is for the owner"),
    ]);
    const [noted] = world.parts.store.audit.audit({ limit: 1, sort: "-sequence" }).rows;
    expect(noted).toMatchObject({ kind: "sign-in", by: "hana", facts: { role: "analyst" } });
  });

  test("is not used up by a preview", async () => {
    const { pathname, search } = link();
    expect(
      (await ask(pathname + search, { headers: { "sec-purpose": "prefetch;prerender" } })).headers["set-cookie"],
    ).toBeUndefined();
    expect((await ask(pathname + search)).headers["set-cookie"]).toHaveLength(1);
  });

  test.each(["", "?token=", "?token=a&token=b", "?token[]=a", `?token=${"x".repeat(5000)}`])(
    "%s signs nobody in",
    async (search) => {
      const answer = await ask(`/sign-in${search}`);
      expect(answer).toMatchObject({ status: 303, headers: { location: "/?sign-in=expired" } });
      expect(answer.headers["set-cookie"]).toBeUndefined();
    },
  );

  test("a session that ended opens nothing", async () => {
    const mine = await signIn();
    const own = (JSON.parse((await ask("/api/v1/session", { headers: { cookie: mine } })).body) as { csrf: string })
      .csrf;
    expect(
      (await ask("/api/v1/session/end", { method: "POST", headers: { cookie: mine, "x-csrf": own } })).status,
    ).toBe(200);
    expect((await ask("/api/v1/session", { headers: { cookie: mine } })).status).toBe(401);
    expect((await signedIn("/api/v1/session")).status).toBe(200);
  });
});

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
test.each([
  "/",
  "/executables",
  "/assets/main.js",
  "/assets/none.js",
  "/api/v1/session",
  "/api/v1/none",
  "/%ff",
  "/api/v1/openapi.json",
])("%s carries the security headers", async (path) => {
  expect((await ask(path)).headers).toMatchObject({
    "content-security-policy": policy,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
  });
});

describe("the console's files", () => {
  test("are sent with their type; every other address is the one page", async () => {
    expect(await ask("/assets/main.js")).toMatchObject({
      status: 200,
      headers: {
        "content-type": "text/javascript; charset=utf-8",
        "cache-control": "public, max-age=31536000, immutable",
      },
    });
    for (const path of ["/", "/executables/exe_1", "/packages/bash@5.2.15", "/a.b?c=d.js"])
      expect(await ask(path)).toMatchObject({
        status: 200,
        headers: { "content-type": "text/html; charset=utf-8", "cache-control": "no-cache" },
      });
    expect((await ask("/assets/gone.js")).status).toBe(404);
  });

  test.each([
    "/../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/%2e%2e%2fsecret.txt",
    "/assets/..%2f..%2fsecret.txt",
    "/assets/%2e%2e/%2e%2e/secret.txt",
    "/..\\secret.txt",
    "/..%5csecret.txt",
    "//secret.txt",
    "/%00secret.txt",
    "/secret.txt%00.js",
    "/./../secret.txt",
    "/....//secret.txt",
  ])("%s leads nowhere outside", async (path) => {
    const answer = await ask(path);
    expect(answer.body).not.toContain("secret");
    expect([200, 400, 404]).toContain(answer.status);
  });

  test("nothing but reading is answered", async () => {
    expect((await ask("/", { method: "POST" })).status).toBe(404);
    expect((await ask("/assets/main.js", { method: "DELETE" })).status).toBe(404);
  });
});

describe("evidence", () => {
  test("is never rendered, whatever it calls itself", async () => {
    const answer = await signedIn(`/api/v1/evidence/${evidence}`);
    expect(answer).toMatchObject({
      status: 200,
      body: "<script>alert(1)</script>",
      headers: { "content-type": "text/plain; charset=utf-8" },
    });
  });

  test.each(["0".repeat(64), "x", "..%2f..%2fserver.sqlite", "A".repeat(64)])("%s is not known", async (digest) => {
    const answer = await signedIn(`/api/v1/evidence/${digest}`);
    expect([answer.status, Problem.parse(JSON.parse(answer.body)).code]).toEqual([404, "NOT_FOUND"]);
  });
});

test.each<readonly [string, string, number]>([
  ["an unknown address", "/api/v1/none", 404],
  ["an unknown device", "/api/v1/devices/dev_x", 404],
  ["an unknown executable", "/api/v1/executables/exe_x", 404],
  ["an unknown package", "/api/v1/package?purl=pkg:deb/none", 404],
  ["a query that is missing", "/api/v1/package", 400],
  ["a limit of none", "/api/v1/executables?limit=0", 400],
  ["a limit beyond all", "/api/v1/executables?limit=501", 400],
  ["a standing nobody knows", "/api/v1/executables?standing=safe", 400],
  ["a sort that is a statement", "/api/v1/executables?sort=path;DROP", 400],
  ["a question that is too long", `/api/v1/search?q=${"x".repeat(401)}`, 400],
  ["a digest that is none", "/api/v1/executables?digest=zz", 400],
  ["a name beyond all length", `/api/v1/evidence/${"0".repeat(600)}`, 400],
  ["an address that cannot be decoded", "/api/v1/devices/%ff", 400],
])("%s is answered with a problem document that names a code of the list", async (_name, path, status) => {
  const answer = await signedIn(path);
  expect(answer.status).toBe(status);
  expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
  const problem = Problem.strict().parse(JSON.parse(answer.body));
  expect(problem.status).toBe(status);
  expect(errorCodes).toContain(problem.code);
});

test("a failure inside is answered with 500, a code and no word of what is inside", async () => {
  const broken = await openWorld();
  const outer = world;
  try {
    world = broken;
    const own = await signIn();
    broken.parts.store.close();
    const answer = await ask("/api/v1/overview", { headers: { cookie: own } });
    expect(answer.status).toBe(500);
    const problem = Problem.parse(JSON.parse(answer.body));
    expect(errorCodes).toContain(problem.code);
    expect(answer.body).not.toMatch(/database|sqlite/i);
    await until(() => broken.said.some((line) => /database connection is not open/.test(line)), "the log");
  } finally {
    world = outer;
    await broken.close();
  }
});

describe("the OpenAPI document", () => {
  test("lists every route of the table and every address beside it, each well formed", async () => {
    const answer = await ask("/api/v1/openapi.json");
    const document = JSON.parse(answer.body) as {
      openapi: string;
      info: { title: string; version: string };
      components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> };
      paths: Record<
        string,
        Record<
          string,
          {
            operationId: string;
            parameters: { name: string; in: string; required: boolean; schema: object }[];
            responses: Record<string, { description: string }>;
          }
        >
      >;
    };
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(document.info).toMatchObject({ title: "Provost", version: expect.any(String) });
    const listed = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const library = Object.entries({ ...libraryApi, ...trustApi }).map(
      ([name, { method, path }]) => [name, method, path] as const,
    );
    const wanted = [...routes, ...library].map(
      ([, method, path]) => `${method} ${path.replace(/:([a-z0-9]+)/g, "{$1}")}`,
    );
    expect(listed.toSorted()).toEqual(
      [
        ...wanted,
        "GET /api/v1/live",
        "GET /api/v1/audit/export",
        "GET /api/v1/triage/{id}",
        "GET /api/v1/evidence/{sha256}",
        "GET /api/v1/openapi.json",
        "GET /sign-in",
      ].toSorted(),
    );
    const ids = new Set<string>();
    for (const [path, methods] of Object.entries(document.paths))
      for (const operation of Object.values(methods)) {
        ids.add(operation.operationId);
        expect(Object.keys(operation.responses).length).toBeGreaterThan(0);
        for (const response of Object.values(operation.responses)) expect(response.description).not.toBe("");
        const inPath = operation.parameters
          .filter((parameter) => parameter.in === "path")
          .map(({ name }) => `{${name}}`);
        expect(inPath.toSorted()).toEqual((path.match(/\{[^}]+\}/g) ?? []).toSorted());
        for (const parameter of operation.parameters)
          expect(parameter).toMatchObject({ name: expect.any(String), schema: expect.any(Object) });
      }
    expect(ids.size).toBe(listed.length);
    for (const [, name] of answer.body.matchAll(/"#\/components\/schemas\/(\w+)"/g))
      expect(Object.keys(document.components.schemas)).toContain(name);
  });
});

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { refusesPerson, type Role } from "@provost/shared/model/role.ts";
import { api, type Answer, type Query } from "@provost/shared/protocol/api.ts";
import { buildAudit, chainOf } from "./console-audit.ts";
import { chainFor, evidence, tamperedDigest } from "./console-chain.ts";
import { buildFleet, countsOf, digestOf, executableDetail, type Fleet } from "./console-data.ts";
import { buildGate, emptyGate, summaryOf, type GateFacts } from "./console-gate.ts";
import { incidentScene, previewOf } from "./console-incidents.ts";
import { policyScene, type PolicyScene } from "./console-policies.ts";
import { fixtureNow } from "./console-words.ts";
import { pageOf, type Asked } from "./console-paging.ts";

/** What the product's server sends with the console, word for word. */
export const policy =
  "default-src 'none'; script-src 'self' 'nonce-Zml4dHVyZQ'; style-src 'self' 'nonce-Zml4dHVyZQ'; connect-src 'self'; img-src 'self' data:; font-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

export interface ConsoleFixture {
  readonly url: string;
  /** Paths asked for so far. */
  readonly asked: string[];
  /** What POSTs carried so far, with their paths. */
  readonly given: { readonly path: string; readonly body: unknown }[];
  /** Sends one live event to every open stream. */
  publish(event: object): void;
  /** Breaks every open stream. */
  hangUp(): void;
  signedIn: boolean;
  /** Answers every list and page with this Problem. */
  problem: { readonly status: number; readonly detail: string; readonly code: string } | undefined;
  empty: boolean;
  /** The server found that its audit was changed. */
  auditBroken: boolean;
  /** What is signed in. */
  role: Role;
  /** Policies as they were: nothing published, nothing turned on again. */
  forgetPolicies(): void;
  close(): Promise<void>;
}

/** The console's built files and made-up answers on loopback, with the product's headers. Test code only. */
export async function startConsoleFixture(dist: string, executables: number): Promise<ConsoleFixture> {
  const built = buildFleet(executables);
  const fleet: Scene = {
    ...built,
    gate: buildGate(built.devices, built.executables),
    audit: buildAudit(),
    policies: policyScene(fixtureNow, built.devices),
  };
  const streams = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://fixture");
    fixture.asked.push(url.pathname + url.search);
    if (!url.pathname.startsWith("/api/")) return serveFile(dist, url.pathname, response);
    if (!fixture.signedIn) return sendProblem(response, 401, "Nobody is signed in.", "SIGN_IN_NEEDED");
    if (url.pathname === "/api/v1/live") return openStream(streams, response);
    if (url.pathname.startsWith("/api/v1/evidence/")) return sendEvidence(url.pathname.slice(17), response);
    if (fixture.problem !== undefined && url.pathname !== "/api/v1/session")
      return sendProblem(response, fixture.problem.status, fixture.problem.detail, fixture.problem.code);
    return void answerApi(fixture, fleet, request, url, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const fixture: ConsoleFixture = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    given: [],
    publish: (event) => {
      for (const stream of streams) stream.write(`data: ${JSON.stringify(event)}\n\n`);
    },
    hangUp: () => {
      for (const stream of streams) stream.destroy();
      streams.clear();
    },
    signedIn: true,
    problem: undefined,
    empty: false,
    auditBroken: false,
    role: "owner",
    forgetPolicies: () => {
      fleet.policies = policyScene(fixtureNow, built.devices);
    },
    close: async () => {
      fixture.hangUp();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return fixture;
}

/** The fleet with what its gates did. */
interface Scene extends Fleet {
  readonly gate: GateFacts;
  readonly audit: ReturnType<typeof buildAudit>;
  policies: PolicyScene;
}

const csrf = "csrf-of-the-fixture";
const session = { user: "owner", signedInAt: fixtureNow - 60_000, csrf };

async function answerApi(
  fixture: ConsoleFixture,
  fleet: Scene,
  request: IncomingMessage,
  url: URL,
  response: ServerResponse,
): Promise<void> {
  if (request.method === "POST" && request.headers["x-csrf"] !== csrf)
    return sendProblem(response, 403, "The request did not carry the session's token.", "CSRF");
  for (const [name, { path, method, query, answer }] of Object.entries(api)) {
    const id = new RegExp(`^${path.replace(":id", "([^/]+)")}$`).exec(url.pathname);
    if (id === null || method !== request.method) continue;
    const body = method === "POST" ? await bodyOf(request) : undefined;
    if (method === "POST") fixture.given.push({ path: url.pathname, body });
    const scope = scopes[name as keyof typeof api];
    const refused = scope === undefined ? undefined : refusesPerson(fixture.role, scope);
    if (refused !== undefined) return sendProblem(response, 403, refused, "NOT_ALLOWED");
    if (name === "session")
      return send(response, 200, "application/json", JSON.stringify({ ...session, role: fixture.role }));
    const asked = query.safeParse(body ?? Object.fromEntries(url.searchParams));
    if (!asked.success) return sendProblem(response, 400, asked.error.message, "QUERY_INVALID");
    if (name === "auditChain")
      return send(
        response,
        200,
        "application/json",
        JSON.stringify(answer.parse(chainOf(fleet.audit, fixture.auditBroken))),
      );
    const found = makeAnswer(
      fixture.empty ? emptyFleet : fleet,
      name as keyof typeof api,
      decodeURIComponent(id[1] ?? ""),
      asked.data as Asked,
    );
    if (found === undefined) return sendProblem(response, 404, "There is no such thing in this fleet.", "NOT_FOUND");
    return send(response, 200, "application/json", JSON.stringify(answer.parse(found)));
  }
  return sendProblem(response, 404, "There is no such address.", "NOT_FOUND");
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString() || "{}") as unknown;
}

const emptyFleet: Scene = {
  devices: [],
  executables: [],
  packages: [],
  processes: [],
  gate: emptyGate,
  audit: [],
  policies: policyScene(fixtureNow, []),
};

/** What each POST concerns, as the server's handlers say it; a rehearsal changes nothing. */
const scopes: Readonly<Partial<Record<keyof typeof api, "device" | "fleet">>> = {
  publishPolicy: "fleet",
  turnOnRing: "fleet",
  newToken: "fleet",
  closeIncident: "device",
  cancelCommand: "device",
};

function makeAnswer(fleet: Scene, name: keyof typeof api, id: string, query: Asked): unknown {
  switch (name) {
    case "signOut":
      return {};
    case "overview":
      return overviewOf(fleet);
    case "devices":
      return pageOf(fleet.devices, query);
    case "device":
      return deviceOf(fleet, id);
    case "processes":
      return { rows: fleet.processes, at: fixtureNow };
    case "deviceDecisions":
      return { ...pageOf(fleet.gate.decisions, { ...query, device: id }), dropped: 0 };
    case "decisions":
      return { ...pageOf(fleet.gate.decisions, query), dropped: 31 };
    case "deviceAlarms":
      return { ...pageOf(fleet.gate.findings, { ...query, device: id }), dropped: 0 };
    case "findings":
      return { ...pageOf(fleet.gate.findings, query), dropped: 0 };
    case "requests":
      return { ...pageOf(fleet.gate.requests, query), dropped: 0 };
    case "decideRequest":
      return { commands: ["cmd_1f2e3d4c5b6a798081920a0b"] };
    case "audit":
      return pageOf(fleet.audit, query);
    case "policies":
      return fleet.policies.list();
    case "policy":
      return fleet.policies.one(Number(id));
    case "rehearsePolicy":
      return fleet.policies.rehearse(query as unknown as Query<"rehearsePolicy">);
    case "publishPolicy":
      return fleet.policies.publish(query as unknown as Query<"publishPolicy">);
    case "turnOnRing":
      return fleet.policies.turnOn(String(query["group"])) ?? {};
    case "executables":
      return pageOf(fleet.executables, query);
    case "executable": {
      const row = fleet.executables.find((each) => each.id === id);
      return row === undefined ? undefined : executableDetail(row);
    }
    case "packages":
      return pageOf(fleet.packages, query);
    case "package":
      return packageOf(fleet, String(query["purl"]));
    case "search":
      return { hits: hitsOf(fleet, String(query["q"])) };
    case "newToken":
      return {
        token: "one-use",
        expiresAt: Date.now() + 900_000,
        command:
          "{ echo 'pvt1.4Zc9s0m3t0k3n'; curl -fsSk --pinnedpubkey 'sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' https://provost.example:4680/install/agent.sh; } | $(command -v sudo) sh -c 'read -r PROVOST_TOKEN; export PROVOST_TOKEN; . /dev/stdin'",
        installed:
          "echo 'pvt1.4Zc9s0m3t0k3n' | $(command -v sudo) provost enrol --server 'wss://provost.example:4680/agent' --token-file -",
        verifyFirst: [
          "curl -fsSk --pinnedpubkey 'sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' --remote-name-all https://provost.example:4680/install/provost_0.1.0_amd64.deb https://provost.example:4680/install/provost_0.1.0_amd64.deb.sigstore.json",
          "cosign verify-blob-attestation --key PUBLISHER.pem --type slsaprovenance1 --bundle provost_0.1.0_amd64.deb.sigstore.json provost_0.1.0_amd64.deb",
          "sudo dpkg -i provost_0.1.0_amd64.deb",
          "echo 'pvt1.4Zc9s0m3t0k3n' | $(command -v sudo) provost enrol --server 'wss://provost.example:4680/agent' --token-file -",
        ],
      };
    case "incidents":
      return pageOf(sceneOf(fleet)?.listed ?? [], query);
    case "incident":
      return sceneOf(fleet)?.details.find((each) => each.id === id);
    case "closeIncident":
    case "cancelCommand":
      return {};
    case "commands":
      return pageOf(ordersAbout(sceneOf(fleet)?.orders ?? [], query), { limit: 50 });
    case "previewCommand":
      return previewOf(query as unknown as Query<"newCommand">, sceneOf(fleet)?.orders ?? [], fleet.devices.length);
    case "newCommand":
      return { commands: sceneOf(fleet)?.orders.slice(0, 1) ?? [] };
    default:
      return undefined;
  }
}

/** The fleet's only orders stand on every page but those of other files. */
const ordersAbout = (orders: Answer<"commands">["rows"], { digest }: Asked): Answer<"commands">["rows"] =>
  digest === undefined || digest === digestOf("exe20") ? orders : [];

function sceneOf({ devices }: Scene) {
  const [device] = devices;
  return device === undefined ? undefined : incidentScene(fixtureNow, device.id, device.name);
}

const proofs = { wanted: 900, derived: 610, lapsed: 71, unsupported: 12, failed: 9, pending: 198 };

function overviewOf(fleet: Scene): Answer<"overview"> {
  const { devices, executables, packages } = fleet;
  return {
    devices: {
      total: devices.length,
      online: devices.filter(({ online }) => online).length,
      silent: devices.filter(({ online, stopped }) => !online && !stopped).length,
    },
    packages: { total: packages.length, byEcosystem: { deb: 300, npm: 300, pypi: 300 } },
    executables: countsOf(executables),
    running: countsOf(executables.filter(({ running }) => running > 0)),
    proofs,
    scans: devices.map(({ id, name, scan }) => ({ device: id, deviceName: name, scan })),
    refuted: executables.filter(({ standing }) => standing === "refuted").slice(0, 20),
    newUnproven: executables.filter(({ standing }) => standing === "unproven").slice(0, 20),
    gate: summaryOf(fleet.gate),
    openIncidents: { critical: devices.length === 0 ? 0 : 1, high: 3, medium: 12, low: 0, informational: 0 },
    now: Date.now(),
  };
}

function deviceOf(fleet: Scene, id: string): Answer<"device"> | undefined {
  const row = fleet.devices.find((each) => each.id === id);
  if (row === undefined) return undefined;
  const archive = { uri: "http://archive.example.org/debian", components: ["main", "contrib"] };
  const signedBy = [
    {
      fingerprint: "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8",
      name: "Debian Archive Automatic Signing Key (12/bookworm)",
    },
  ];
  return {
    ...row,
    facts: {
      "Secure boot": "on",
      Virtualisation: "kvm",
      sensor: "provost-sensor 0.1.0 on 6.1.0-28-amd64, asked 48,120 times, answered 47,990 from memory, slowest 0.9 ms",
      "sensor limits": "mmap_file: Operation not permitted; libraries are checked at open only",
    },
    health: {
      agentVersion: "0.1.0",
      rssBytes: 61_341_696,
      cpuShare: 0.0021,
      spooledFrames: 12,
      spooledBytes: 48_120,
      lostFrames: 3,
      at: fixtureNow - 5000,
    },
    blind: [
      {
        what: "Processes of other users",
        count: 41,
        why: "The agent runs as an ordinary user and may not read their maps.",
      },
      { what: "/root", count: 1, why: "Permission denied." },
    ],
    gate: summaryOf(fleet.gate, id),
    archives: [
      {
        ...archive,
        suite: "bookworm",
        state: "verified",
        says: "The signature verifies under a key apt trusts.",
        signedBy,
        releaseDate: fixtureNow - 9e7,
        validUntil: fixtureNow + 5e8,
      },
      {
        ...archive,
        suite: "bookworm-updates",
        state: "stale",
        says: "Valid until has passed: the mirror may hold back updates.",
        signedBy,
        validUntil: fixtureNow - 5e7,
      },
      {
        ...archive,
        uri: "https://packages.example/\u202eacme",
        suite: "./",
        components: [],
        state: "refused",
        says: "Signed by a key that no keyring on this device holds.",
        signedBy: [],
      },
    ],
    proofs,
  };
}

function packageOf(fleet: Fleet, purl: string): Answer<"package"> | undefined {
  const row = fleet.packages.find((each) => each.purl === purl);
  const file = fleet.executables[20];
  if (row === undefined || file === undefined) return undefined;
  const installs = fleet.devices
    .slice(0, row.devices)
    .map(({ id, name }) => ({ device: id, deviceName: name, location: "/var/lib/dpkg", firstSeen: fixtureNow - 8e8 }));
  return { ...row, chain: chainFor(file).filter(({ link }) => link !== "process" && link !== "device"), installs };
}

function hitsOf(fleet: Scene, text: string): Answer<"search">["hits"] {
  const incidents = sceneOf(fleet)?.listed.filter(({ sentence }) => sentence.includes(text)) ?? [];
  const devices = fleet.devices.filter(({ name }) => name.includes(text)).slice(0, 3);
  const files = fleet.executables.filter(({ path, digest }) => path.includes(text) || digest === text).slice(0, 12);
  return [
    ...incidents.map(({ id, sentence, deviceName, state }) => ({
      kind: "incident" as const,
      id,
      title: sentence,
      detail: `${deviceName}, ${state}`,
    })),
    ...devices.map(({ id, name, os }) => ({ kind: "device" as const, id, title: name, detail: os })),
    ...files.map(({ id, path, deviceName, standing }) => ({
      kind: "executable" as const,
      id,
      title: path,
      detail: deviceName,
      standing,
    })),
  ];
}

function openStream(streams: Set<ServerResponse>, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(": open\n\n");
  streams.add(response);
  response.on("close", () => streams.delete(response));
}

function sendEvidence(digest: string, response: ServerResponse): void {
  const bytes = digest === tamperedDigest ? Buffer.from("this is not what was stored\n") : evidence.get(digest);
  if (bytes === undefined) return sendProblem(response, 404, "No such evidence is held.", "NOT_FOUND");
  return send(response, 200, "text/plain; charset=utf-8", bytes);
}

function serveFile(dist: string, path: string, response: ServerResponse): void {
  const file = extname(path) === "" ? "index.html" : normalize(path);
  try {
    send(response, 200, types[extname(file)] ?? "application/octet-stream", readFileSync(join(dist, file)));
  } catch {
    send(response, 404, "text/plain", `not found: ${createHash("sha256").update(path).digest("hex").slice(0, 8)}`);
  }
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

const sendProblem = (response: ServerResponse, status: number, detail: string, code: string): void =>
  send(response, status, "application/problem+json", JSON.stringify({ title: "Refused", status, detail, code }));

function send(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, {
    "content-type": type,
    "content-security-policy": policy,
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
  });
  response.end(body);
}

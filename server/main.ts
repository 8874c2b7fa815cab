/** The server: opens its store, takes agents and people in on one port, derives proofs, until a signal. */
import { mkdirSync } from "node:fs";
import type { Server } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { schedule } from "node-cron";
import { pino } from "pino";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { safeText } from "@provost/shared/lib/path-text.ts";
import { instant } from "@provost/shared/model/ids.ts";
import { openHttp } from "./api/http.ts";
import { allProofs } from "./api/handlers/overview.ts";
import { openLive } from "./api/live.ts";
import { newSignInLink } from "./api/login.ts";
import type { Parts } from "./api/parts.ts";
import { checkConfig } from "./config.ts";
import type { ServerConfig } from "./config.ts";
import type { EdgeLimits } from "./edge/limits.ts";
import { openEdge } from "./edge/socket.ts";
import type { Edge } from "./edge/socket.ts";
import { sqliteStore } from "./store/index.ts";
import { deriveManifests } from "./trust/derive.ts";
import { startAssessWork } from "./trust/assess-work.ts";
import { openAssessor } from "./trust/assessor.ts";
import type { Assessor } from "./trust/assessor.ts";
import { openDesk } from "./trust/desk.ts";
import type { ProofDesk } from "./trust/desk.ts";
import { openFetch } from "./trust/fetch.ts";
import { openIndexCache } from "./trust/index-cache.ts";
import { readLibrarySettings } from "./trust/library/settings.ts";
import { startLibrary } from "./trust/library/start.ts";
import { openLocalArchives } from "./trust/local-archives.ts";
import { followRoots } from "./trust/roots.ts";
import { openTrusted } from "./trust/trusted.ts";
import { startTrustWork } from "./trust/work.ts";

/** What whoever started the server may ask and is told, over IPC where there is one. */
export type ServerQuestion = { readonly ask: "summary" } | { readonly ask: "sign-in" };
export type ServerMessage =
  | {
      readonly kind: "ready";
      readonly address: string;
      readonly agentUrl: string;
      readonly signIn: string;
      readonly token: string;
    }
  | { readonly kind: "failed"; readonly code: string; readonly why: string; readonly remedy?: string }
  | { readonly kind: "sign-in"; readonly link: string }
  | { readonly kind: "summary"; readonly overview: unknown };

export interface RunningServer {
  readonly address: string;
  readonly parts: Parts;
  readonly edge: Edge;
  /** Answers at hand are still being worked into verdicts. */
  working(): boolean;
  close(): Promise<void>;
}

export async function startServer(
  config: ServerConfig,
  log: (line: string) => void,
  edgeOverrides: Partial<EdgeLimits> = {},
): Promise<RunningServer> {
  const settings = readLibrarySettings(config.library, config.registries);
  const store = sqliteStore(config.folder);
  const now = () => instant(Date.now());
  const indices = join(config.folder, "indices");
  mkdirSync(indices, { recursive: true, mode: 0o700 });
  const fetch = openFetch({ allowPrivateArchives: config.allowPrivateArchives });
  let desk: ProofDesk | undefined;
  const derivation = deriveManifests({
    store: store.manifests,
    evidence: store.evidence,
    fetch,
    indexCache: openIndexCache(indices, fetch),
    localArchives: openLocalArchives(config.localArchives),
    now,
    random: Math.random,
    settled: (config_, version) => {
      desk?.noteSettled(config_, version);
      work.wake();
    },
  });
  const trusted = openTrusted(store.trust, now);
  const assessor: Assessor = openAssessor({
    store: store.attested,
    inventory: store.inventory,
    library: store.library,
    trust: () => trusted.now(),
    now,
    judgeFor: (device) => opened.judgeFor(device),
  });
  const opened = openDesk(store.inventory, derivation, assessor);
  desk = opened;
  const live = openLive(now);
  const evidence = startLibrary(store, settings, now, log);
  let edge: Edge | undefined;
  const assessing = startAssessWork(assessor, {
    changed(device, count) {
      live.changed("executables", device, count);
      edge?.feed(device);
    },
    failed: (why) => log(`documents: ${why}`),
  });
  evidence.library.onAdded((subjects) => {
    assessor.noteDocuments(subjects);
    assessing.wake();
  });
  trusted.onPublished(({ version, by, why }) => {
    log(`trust: ${safeText(by)} published ${version}: ${safeText(why)}`);
    assessor.noteTrust();
    assessing.wake();
    edge?.feedAll();
  });
  const roots = followRoots(trusted, config.trustRoots, join(config.folder, "tuf"), log);
  const work = startTrustWork(
    derivation,
    opened,
    {
      changed(device, count) {
        live.changed("proofs", device, 1);
        assessing.wake();
        if (count > 1) live.changed("executables", device, count - 1);
        edge?.feed(device);
      },
      failed: (why) => log(`trust: ${why}`),
    },
    now,
  );
  let address = "";
  const parts: Parts = {
    store,
    desk: opened,
    trusted,
    derivation,
    live,
    library: evidence.library,
    machines: evidence.machines,
    edge: () => {
      if (edge === undefined) throw new AppError("STATE_UNUSABLE", "the server is still starting");
      return edge;
    },
    consoleFolder: config.consoleFolder,
    hosts: new Set(["localhost", "127.0.0.1", "[::1]", ...config.names.map((name) => name.toLowerCase())]),
    address: () => address,
    now: Date.now,
    log,
  };
  const app = openHttp(parts);
  await app.ready();
  const http: Server = app.server;
  const running = openEdge(
    http,
    store,
    opened,
    assessor,
    {
      changed(topic, device, count) {
        live.changed(topic, device, count);
        if (topic === "executables" || topic === "proofs") assessing.wake();
        if (topic === "packages") evidence.pulls.wake();
        work.wake();
      },
      refused: (remote, why) => log(`agent at ${remote} refused: ${why}`),
    },
    edgeOverrides,
  );
  edge = running;
  const close = async (): Promise<void> => {
    running.close();
    live.close();
    await app.close();
    fetch.close();
    await evidence.close();
    await roots.close();
    await assessing.close();
    await work.close();
    store.close();
  };
  try {
    address = await listen(app, config);
  } catch (cause) {
    await close();
    throw cause;
  }
  // Debian publishes twice a day: versions come and lapse. The archives are asked again, the proofs at hand stay.
  const nightly = schedule("17 */6 * * *", () => {
    for (const id of store.inventory.deviceIds()) opened.noteChange(id);
    work.wake();
    evidence.pulls.wake();
  });
  return {
    address,
    parts,
    edge: running,
    working: () => work.busy() || assessing.busy(),
    async close() {
      await nightly.stop();
      await close();
    },
  };
}

async function listen(app: ReturnType<typeof openHttp>, config: ServerConfig): Promise<string> {
  for (let tried = 0; ; tried += 1) {
    const port = config.port === 0 ? 0 : config.port + tried;
    try {
      return (await app.listen({ host: config.host, port })).replace("[::1]", "localhost");
    } catch (cause) {
      const taken = cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE";
      if (taken && tried + 1 < config.portTries) continue;
      throw new AppError(
        "PORT_IN_USE",
        `port ${port} on ${config.host} cannot be opened: ${cause instanceof Error ? cause.message : String(cause)}`,
        {
          cause,
          remedy: "stop what listens there, or choose another port with PROVOST_PORT",
        },
      );
    }
  }
}

if (process.argv[1] !== undefined && import.meta.filename === process.argv[1]) void startProgram();

async function startProgram(): Promise<void> {
  const logger = pino({ name: "provost-server" }, pino.destination(2));
  const tell = (message: ServerMessage): void => {
    if (process.connected) process.send?.(message);
  };
  try {
    const {
      PROVOST_SERVER_STATE,
      PROVOST_PORT,
      PROVOST_PORT_TRIES,
      PROVOST_LOCAL_ARCHIVES,
      PROVOST_LIBRARY,
      PROVOST_REGISTRIES,
      PROVOST_TRUST_ROOTS,
    } = process.env;
    const config = checkConfig(
      {
        folder: PROVOST_SERVER_STATE,
        port: PROVOST_PORT,
        portTries: PROVOST_PORT_TRIES,
        library: PROVOST_LIBRARY,
        registries: PROVOST_REGISTRIES,
        trustRoots: PROVOST_TRUST_ROOTS,
        ...(PROVOST_LOCAL_ARCHIVES === undefined
          ? {}
          : { localArchives: PROVOST_LOCAL_ARCHIVES.split(":").filter((path) => path !== "") }),
      },
      { consoleFolder: consoleFolder() },
    );
    const server = await startServer(config, (line) => logger.info(line));
    const stop = (): void => {
      void server.close().then(() => process.exit(0));
      setTimeout(() => process.exit(1), 5000).unref();
    };
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
    process.once("disconnect", stop);
    const signIn = newSignInLink(server.parts);
    if (process.send === undefined)
      process.stdout.write(`Provost server at ${server.address}\nSign in (once, within 15 minutes): ${signIn}\n`);
    process.on("message", (question: ServerQuestion) => {
      if (question.ask === "sign-in") tell({ kind: "sign-in", link: newSignInLink(server.parts) });
      else
        tell({
          kind: "summary",
          overview: {
            ...server.parts.store.read.overview(server.edge.online, Date.now()),
            proofs: allProofs(server.parts),
            working: server.working(),
          },
        });
    });
    tell({
      kind: "ready",
      address: server.address,
      agentUrl: `${server.address.replace(/^http/, "ws")}/agent`,
      signIn,
      token: server.edge.newToken(Date.now()).token,
    });
  } catch (cause) {
    const failed: ServerMessage =
      cause instanceof AppError
        ? {
            kind: "failed",
            code: cause.code,
            why: cause.message,
            ...(cause.remedy === undefined ? {} : { remedy: cause.remedy }),
          }
        : { kind: "failed", code: "STATE_UNUSABLE", why: cause instanceof Error ? cause.message : String(cause) };
    if (process.connected) tell(failed);
    else process.stderr.write(`provost-server: ${failed.code}: ${failed.why}\n${failed.remedy ?? ""}\n`);
    process.exitCode = 1;
    process.disconnect?.();
  }
}

/** The built console lies beside the bundle, or in the source tree's console folder. */
function consoleFolder(): string {
  const beside = import.meta.url.endsWith(".ts") ? "./console/dist" : "./console";
  return process.env["PROVOST_CONSOLE"] ?? fileURLToPath(new URL(beside, import.meta.url));
}

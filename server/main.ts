/** The server: opens its store, takes agents and people in on one port, derives proofs, until a signal. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import type { Server as TlsServer } from "node:tls";
import { fileURLToPath } from "node:url";
import { schedule } from "node-cron";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { safeText } from "@provost/shared/lib/path-text.ts";
import type { DetectedFinding } from "@provost/shared/model/detection.ts";
import { instant } from "@provost/shared/model/ids.ts";
import { openHttp } from "./api/http.ts";
import { openLive } from "./api/live.ts";
import type { Parts } from "./api/parts.ts";
import { openAudit } from "./audit/audit.ts";
import { openChainCheck } from "./audit/check.ts";
import { auditedTrust } from "./audit/audited-trust.ts";
import { addressFile } from "./address-file.ts";
import type { ServerConfig } from "./config.ts";
import type { EdgeLimits } from "./edge/limits.ts";
import { startBehaviour } from "./behaviour.ts";
import { openIncidents } from "./incidents/incidents.ts";
import { openEdge } from "./edge/socket.ts";
import type { Edge } from "./edge/socket.ts";
import { habitDays } from "./detection/baseline.ts";
import { findingDays } from "./detection/finding-store.ts";
import { gateBounds } from "./gate/gate-store.ts";
import { readFeeds, startFeeds } from "./intel/feeds.ts";
import { openPackages } from "./install/packages.ts";
import { runProgram } from "./program.ts";
import { openAfterStops } from "./policies/after-stops.ts";
import { openPolicies } from "./policies/policies.ts";
import { openResponse } from "./response/issue.ts";
import type { RunningServer } from "./running.ts";
import { sqliteStore } from "./store/index.ts";
import { namesOf, publicName } from "./tls/names.ts";
import { openTls } from "./tls/tls.ts";
import { triageBounds } from "./triage/triage-store.ts";
import { deriveManifests } from "./trust/derive.ts";
import { startAssessWork } from "./trust/assess-work.ts";
import { openAssessor } from "./trust/assessor.ts";
import type { Assessor } from "./trust/assessor.ts";
import { packageHistory } from "./trust/package-history.ts";
import { packageBooks } from "./trust/package-books.ts";
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

export async function startServer(
  config: ServerConfig,
  log: (line: string) => void,
  edgeOverrides: Partial<EdgeLimits> = {},
): Promise<RunningServer> {
  const settings = readLibrarySettings(config.library, config.registries);
  const names = namesOf(config, hostname(), networkInterfaces());
  let tls = await openTls(config.tls, config.folder, names, Date.now());
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
  const live = openLive(now);
  const audit = openAudit(store.audit, Date.now, () => live.changed("audit", "", 1));
  const trusted = openTrusted(auditedTrust(store, audit), now);
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
  const books = packageBooks(store);
  let found: (findings: readonly DetectedFinding[]) => void = () => undefined;
  const evidence = startLibrary(store, settings, now, log, (wanted) => {
    if (wanted.kind === "package") found(packageHistory(wanted, books, Date.now()));
  });
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
  const response = openResponse(store, audit, Date.now, (device) => {
    live.changed("commands", device, 1);
    edge?.feed(device);
  });
  const policies = openPolicies(store, opened, audit, Date.now, () => {
    live.changed("policies", "", 1);
    edge?.feedAll();
  });
  const incidents = openIncidents(store.incidents, store.detections);
  const taxiiFolder = join(config.folder, "taxii");
  const feeds = config.taxii === undefined ? undefined : startFeeds(readFeeds(config.taxii), taxiiFolder, log);
  const behaviour = startBehaviour(
    store,
    {
      ...(config.rules === undefined ? {} : { rules: config.rules }),
      respond: config.respond,
      indicators: [config.indicators, feeds === undefined ? undefined : taxiiFolder].filter((one) => one !== undefined),
    },
    incidents,
    response,
    ({ device }) => live.changed("incidents", device, 1),
    log,
  );
  const afterStops = openAfterStops({
    store,
    policies,
    response,
    found: (findings) => behaviour.found(findings),
    log,
  });
  let address = "";
  const parts: Parts = {
    store,
    desk: opened,
    trusted,
    derivation,
    live,
    library: evidence.library,
    machines: evidence.machines,
    response,
    incidents,
    policies,
    audit,
    checkChain: openChainCheck(store.audit),
    edge: () => {
      if (edge === undefined) throw new AppError("STATE_UNUSABLE", "the server is still starting");
      return edge;
    },
    consoleFolder: config.consoleFolder,
    hosts: new Set(names.map((name) => (isIP(name) === 6 ? `[${name}]` : name))),
    address: () => address,
    packages: openPackages(config.packages),
    publicKeyPin: () => tls.publicKeyPin,
    now: Date.now,
    log,
  };
  const app = openHttp(parts, tls.served);
  await app.ready();
  const http: Server = app.server;
  found = (findings) => {
    if (findings.length > 0) behaviour.found(findings);
  };
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
      observed: (device, events) => behaviour.observed(device, events),
      arrived: (device, arrived) => behaviour.arrived(device, arrived),
      stopped: (device, decisions) => afterStops(device, decisions),
      refused: (remote, why) => log(`agent at ${remote} refused: ${why}`),
      failed: (why) => log(`edge: ${why}`),
    },
    () => tls.certificate,
    { events: config.events, ...edgeOverrides },
  );
  edge = running;
  const close = async (): Promise<void> => {
    running.close();
    behaviour.close();
    await feeds?.close();
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
  writeFileSync(join(config.folder, addressFile), `${address}\n`, { mode: 0o600 });
  const dropOldGate = (): void => {
    store.gate.dropOlder(Date.now() - gateBounds.days * 86_400_000);
    store.events.dropOlder(Date.now() - config.events.days * 86_400_000);
    store.detections.dropOlder(Date.now() - findingDays * 86_400_000);
    store.baseline.dropOlder(Date.now() - habitDays * 86_400_000);
  };
  dropOldGate();
  const trimBundles = (): void =>
    store.inventory.transaction(() => {
      for (const { command, device, sha256, why } of store.triage.trim(Date.now(), triageBounds))
        audit.note("command", "this server", `A triage bundle is not kept any more: ${why ?? ""}`, {
          command,
          device,
          sha256,
        });
    });
  trimBundles();
  const expiring = setInterval(() => {
    const ended = store.inventory.transaction(() => {
      const count = store.commands.expire(Date.now());
      if (count > 0)
        audit.note(
          "command",
          "this server",
          `${count} ${count === 1 ? "order" : "orders"} that no device took expired`,
        );
      return count;
    });
    trimBundles();
    if (ended > 0) live.changed("commands", "", ended);
  }, 60_000);
  const renewal = schedule("41 3 * * *", async () => {
    try {
      tls = await openTls(config.tls, config.folder, names, Date.now());
      if (tls.served !== undefined && "setSecureContext" in http)
        (http as unknown as TlsServer).setSecureContext(tls.served);
      if (tls.expires !== undefined && tls.expires - Date.now() < 14 * 86_400_000)
        log(`tls: the certificate ends on ${new Date(tls.expires).toISOString().slice(0, 10)}`);
    } catch (cause) {
      log(`tls: ${cause instanceof Error ? cause.message : String(cause)}; the certificate at hand stays`);
    }
  });
  // Debian publishes twice a day: versions come and lapse. The archives are asked again, the proofs at hand stay.
  const nightly = schedule("17 */6 * * *", () => {
    for (const id of store.inventory.deviceIds()) opened.noteChange(id);
    dropOldGate();
    work.wake();
    evidence.pulls.wake();
  });
  return {
    address,
    parts,
    edge: running,
    working: () => work.busy() || assessing.busy(),
    async close() {
      clearInterval(expiring);
      await nightly.stop();
      await renewal.stop();
      rmSync(join(config.folder, addressFile), { force: true });
      await close();
    },
  };
}

async function listen(app: ReturnType<typeof openHttp>, config: ServerConfig): Promise<string> {
  for (let tried = 0; ; tried += 1) {
    const port = config.port === 0 ? 0 : config.port + tried;
    try {
      await app.listen({ host: config.host, port });
      const bound = app.server.address();
      const at = typeof bound === "object" && bound !== null ? bound.port : port;
      return `${config.tls.kind === "off" ? "http" : "https"}://${publicName(config, hostname())}${config.tls.kind === "proxy" ? "" : `:${at}`}`;
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

if (process.argv[1] !== undefined && import.meta.filename === process.argv[1])
  void runProgram(process.argv.slice(2), startServer, consoleFolder());

/** The built console lies beside the bundle, or in the source tree's console folder. */
function consoleFolder(): string {
  const beside = import.meta.url.endsWith(".ts") ? "./console/dist" : "./console";
  return process.env["PROVOST_CONSOLE"] ?? fileURLToPath(new URL(beside, import.meta.url));
}

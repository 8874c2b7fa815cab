import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { checkConfig } from "../../server/config.ts";
import { newMachineToken } from "../../server/machines/tokens.ts";
import { startServer } from "../../server/main.ts";
import { sqliteStore } from "../../server/store/index.ts";
import type { Sha256 } from "../../shared/model/ids.ts";
import { deviceIdOf, digestOf, factsOf } from "../support/frames.ts";
import { forgeBuilder, trustOf } from "../support/signed-statements.ts";
import type { Options, Result } from "./result.ts";
import { atMost, median, round } from "./result.ts";

const defaultDevices = 10_000;
const otherFiles = 20;
const runs = 5;

/**
 * A fleet in the store: each device has the same programs and some files of its own. CI uploads provenance of one program over HTTP;
 * the clock stops when every device's verdict on it is stored. Then its key is revoked, and all of them change again.
 */
export async function run({ say, size = defaultDevices }: Options): Promise<Result> {
  const home = join(import.meta.dirname, "../../.provost");
  mkdirSync(home, { recursive: true });
  const folder = mkdtempSync(join(home, "bench-rejudge-"));
  const subjects = Array.from({ length: runs }, (_unused, at) => digestOf(`program ${at}`));
  try {
    fill(folder, size, subjects, say);
    const server = await startServer(
      checkConfig(
        { folder, port: 0, localArchives: [], registries: false, trustRoots: false },
        { consoleFolder: folder },
      ),
      () => undefined,
    );
    try {
      return await measure(server, size, subjects, say);
    } finally {
      await server.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function fill(folder: string, devices: number, subjects: readonly Sha256[], say: (line: string) => void): void {
  say(`${devices} devices with ${subjects.length + otherFiles} files each`);
  const store = sqliteStore(folder);
  const judge = () => ({
    verdict: { standing: "unproven", basis: "none", says: "Nothing claims it.", chain: [] } as const,
    trustVersion: "none",
  });
  for (let from = 0; from < devices; from += 200)
    store.inventory.transaction(() => {
      for (let at = from; at < Math.min(from + 200, devices); at += 1) {
        const id = deviceIdOf(at);
        store.inventory.addDevice({ id, name: `device-${at}`, publicKey: "k", epoch: "e" }, 1);
        const own = Array.from({ length: otherFiles }, (_unused, file) => factsOf(`/opt/own/${at}/${file}`));
        const shared = subjects.map((digest, file) => factsOf(`/opt/app/${file}`, { digest }));
        store.inventory.putFiles(id, [...shared, ...own], [], judge, 1);
      }
    });
  store.close();
}

type Server = Awaited<ReturnType<typeof startServer>>;

async function measure(
  server: Server,
  devices: number,
  subjects: readonly string[],
  say: (line: string) => void,
): Promise<Result> {
  const builder = forgeBuilder();
  const { store, trusted } = server.parts;
  trusted.publish(trustOf(builder), "bench", "the bench's own builder");
  const { secret } = newMachineToken(
    store.machines,
    { name: "bench", scopes: ["documents:write"], limits: {}, expiresAt: Date.now() + 3_600_000 },
    Date.now(),
  );
  const upload = async (sha256: string): Promise<void> => {
    const answer = await fetch(`${server.address}/api/v1/documents`, {
      method: "POST",
      headers: { authorization: `Bearer ${secret}` },
      body: builder.provenance({ sha256 }),
    });
    if (!answer.ok) throw new Error(await answer.text());
  };
  const counted = (standing: string): number =>
    store.read.overview(new Set(), Date.now()).executables.standings[standing as "proven"];
  // The queue is asked, not the counts of 10,000 devices, which would cost the server more than the work that is measured.
  const until = async (standing: string, wanted: number): Promise<void> => {
    for (const end = Date.now() + 300_000; store.attested.waiting() > 0; await pause(10))
      if (Date.now() > end) throw new Error("what waits to be judged does not end");
    if (counted(standing) !== wanted) throw new Error(`${counted(standing)} files are ${standing}, not ${wanted}`);
  };
  const took: number[] = [];
  let slowestAnswer = 0;
  for (const [at, subject] of subjects.entries()) {
    say(`document ${at + 1} of ${subjects.length}`);
    const started = performance.now();
    await upload(subject);
    // What people notice meanwhile: how long one question of theirs waits.
    const asked = performance.now();
    await (await fetch(`${server.address}/api/v1/openapi.json`)).arrayBuffer();
    slowestAnswer = Math.max(slowestAnswer, performance.now() - asked);
    await until("proven", devices * (at + 1));
    took.push((performance.now() - started) / 1000);
  }
  say("the key is revoked");
  const started = performance.now();
  trusted.revoke({ what: "key", value: builder.keyId, why: "the bench" }, "bench");
  await until("refuted", devices * subjects.length);
  const revoked = (performance.now() - started) / 1000;
  return {
    name: "rejudge",
    figures: {
      devices,
      "files in the store": devices * (subjects.length + otherFiles),
      "a new document until every verdict is stored, s": round(median(took), 2),
      "each run, s": took.map((one) => one.toFixed(2)).join(", "),
      "the longest that a question waited meanwhile, ms": round(slowestAnswer),
      "verdicts changed by one revocation": devices * subjects.length,
      "a revocation until all of them are stored, s": round(revoked, 2),
    },
    goals: [atMost(`a new document judged again on ${devices} devices`, 5, median(took), "s")],
  };
}

import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { schedule } from "node-cron";
import { npmKeys } from "@provost/shared/provenance/npm-keys.ts";
import { pinnedPublicGood, type PublicGood, type Trusted } from "./trusted.ts";

/** Where TUF metadata comes from; undefined: nowhere, what the product pins stays. */
export interface RootSource {
  /** Absent: the public-good instance's own mirror. */
  readonly mirror?: string;
  /** The root to begin from, for a mirror of one's own. */
  readonly rootFile?: string;
}

export interface FollowingRoots {
  /** Asks now. Resolves with what became of it, for a person. */
  refresh(): Promise<string>;
  close(): Promise<void>;
}

/**
 * Keeps the public-good root and the npm registry's keys current through TUF, once a day. Without a network, what is pinned or was
 * last fetched stays, until its root expires: then verdicts say "stale trust", which is neither proof nor guilt.
 */
export function followRoots(
  trusted: Pick<Trusted, "followPublicGood">,
  source: RootSource | undefined,
  folder: string,
  log: (line: string) => void,
): FollowingRoots {
  let under: Promise<string> | undefined;
  const last = join(folder, "public-good.json");
  const held = readHeld(last);
  // A newer product may pin what is newer than what was fetched; whoever still trusts what an older one pinned follows too.
  if (held === undefined || Date.parse(pinnedPublicGood.expires) > Date.parse(held.expires))
    trusted.followPublicGood(held ?? pinnedPublicGood, pinnedPublicGood, "provost");

  const refresh = (): Promise<string> => {
    under ??= ask().finally(() => {
      under = undefined;
    });
    return under;
  };
  const ask = async (): Promise<string> => {
    if (source === undefined) return "trust roots are not refreshed: switched off";
    try {
      const fresh = await fetchPublicGood(source, folder);
      const before = readHeld(last);
      const published = [before, pinnedPublicGood]
        .filter((one) => one !== undefined)
        .map((one) => trusted.followPublicGood(one, fresh, "TUF"))
        .find((one) => one !== undefined);
      writeFileSync(`${last}.new`, JSON.stringify(fresh), { mode: 0o600 });
      renameSync(`${last}.new`, last);
      return published === undefined ? "trust roots are current" : `trust roots were renewed: ${published.version}`;
    } catch (cause) {
      return `trust roots could not be refreshed, the present ones stay: ${reason(cause)}`;
    }
  };

  const tell = (): void => void refresh().then((line) => log(`trust: ${line}`));
  const daily = source === undefined ? undefined : schedule("41 3 * * *", tell);
  const soon = source === undefined ? undefined : setTimeout(tell, firstAfterMs);
  return {
    refresh,
    async close() {
      clearTimeout(soon);
      await daily?.stop();
      await under;
    },
  };
}

const firstAfterMs = 20_000;

/** Verifies the whole TUF chain from the cached or pinned root; throws where any step of it fails. */
async function fetchPublicGood({ mirror, rootFile }: RootSource, folder: string): Promise<PublicGood> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { initTUF } = await import("@sigstore/tuf");
  const client = await initTUF({
    cachePath: folder,
    ...(mirror === undefined ? {} : { mirrorURL: mirror }),
    ...(rootFile === undefined ? {} : { rootPath: rootFile }),
  });
  const sigstore = JSON.parse(await client.getTarget("trusted_root.json")) as unknown;
  const keys = npmKeys(JSON.parse(await client.getTarget("registry.npmjs.org/keys.json")));
  return { sigstore, keys, expires: rootExpiry(folder) };
}

/** TUF 5.3.10: until the root expires it may be used; the client keeps the verified one beside its targets. */
function rootExpiry(folder: string): string {
  const [cache] = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const root = JSON.parse(readFileSync(join(folder, cache?.name ?? "", "root.json"), "utf8")) as {
    readonly signed?: { readonly expires?: string };
  };
  const expires = root.signed?.expires;
  if (expires === undefined || Number.isNaN(Date.parse(expires))) throw new Error("the TUF root says no expiry");
  return expires;
}

function readHeld(path: string): PublicGood | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as PublicGood;
  } catch {
    return undefined;
  }
}

const reason = (cause: unknown): string => (cause instanceof Error ? cause.message.slice(0, 300) : String(cause));

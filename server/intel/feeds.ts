import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { schedule, validate } from "node-cron";
import { parse } from "yaml";
import * as z from "zod";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { openFetch } from "../trust/fetch.ts";
import { fetchIndicators } from "./taxii.ts";

const words = z.string().min(1).max(2000);
const Feed = z
  .strictObject({
    name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$/),
    collection: z.url({ protocol: /^https?$/ }).max(2000),
    every: z
      .string()
      .refine((text) => validate(text), "is no cron expression")
      .default("23 * * * *"),
    user: words.optional(),
    passwordFile: words.optional(),
    tokenFile: words.optional(),
    /** The collection may be inside the owner's own network. */
    privateNetwork: z.boolean().default(false),
  })
  .refine(({ user, passwordFile }) => (user === undefined) === (passwordFile === undefined), {
    message: "a user wants a passwordFile, and the other way round",
  })
  .refine(({ user, tokenFile }) => user === undefined || tokenFile === undefined, {
    message: "either a user or a tokenFile",
  });
const Feeds = z
  .strictObject({ feeds: z.array(Feed).max(100) })
  .refine(({ feeds }) => new Set(feeds.map(({ name }) => name)).size === feeds.length, {
    message: "two feeds have the same name",
  });
export type FeedSettings = z.infer<typeof Feed>;

/** The owner's file of TAXII feeds. Throws CONFIG_INVALID naming the place. */
export function readFeeds(path: string): readonly FeedSettings[] {
  const wrong = (why: string): AppError =>
    new AppError("CONFIG_INVALID", `the feeds ${path}: ${why}`, { remedy: "see docs/operate/indicators.md" });
  let raw: unknown;
  try {
    raw = parse(readFileSync(path, "utf8"), { maxAliasCount: 100 });
  } catch (cause) {
    throw wrong(cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : "not read");
  }
  const read = Feeds.safeParse(raw);
  if (read.success) return read.data.feeds;
  const [issue] = read.error.issues;
  throw wrong(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not understood"}`);
}

export interface RunningFeeds {
  /** Asks all of them now; each answer is a line for the log. */
  refresh(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const firstAfterMs = 15_000;

/** Fetches each feed by its own clock into `folder`/NAME.json, whole or not at all: a feed that fails leaves what it gave last. */
export function startFeeds(
  feeds: readonly FeedSettings[],
  folder: string,
  log: (line: string) => void,
  attempts = 4,
): RunningFeeds {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const kept = new Set(feeds.map(({ name }) => `${name}.json`));
  for (const name of readdirSync(folder)) if (!kept.has(name)) rmSync(join(folder, name));
  const stop = new AbortController();
  const running = new Map<string, Promise<string>>();
  const ask = async (feed: FeedSettings): Promise<string> => {
    const fetch = openFetch({ allowPrivateArchives: feed.privateNetwork, attempts });
    try {
      const secret = authorization(feed);
      const objects = await fetchIndicators(
        fetch,
        { url: new URL(feed.collection), ...(secret === undefined ? {} : { authorization: secret }) },
        stop.signal,
      );
      const path = join(folder, `${feed.name}.json`);
      writeFileSync(join(folder, `.${feed.name}.new`), JSON.stringify({ type: "bundle", objects }), { mode: 0o600 });
      renameSync(join(folder, `.${feed.name}.new`), path);
      return `feed ${feed.name}: ${objects.length} indicators`;
    } catch (cause) {
      return `feed ${feed.name}: ${cause instanceof Error ? cause.message : String(cause)}; what it gave last stays`;
    } finally {
      fetch.close();
    }
  };
  /** A feed that is slow is not asked twice at once. */
  const once = (feed: FeedSettings): Promise<string> => {
    const under =
      running.get(feed.name) ??
      ask(feed).finally(() => {
        running.delete(feed.name);
      });
    running.set(feed.name, under);
    return under;
  };
  const tell = (feed: FeedSettings): void => void once(feed).then((line) => log(`indicators: ${line}`));
  const clocks = feeds.map((feed) => schedule(feed.every, () => tell(feed)));
  const soon = setTimeout(() => feeds.forEach(tell), firstAfterMs);
  return {
    refresh: () => Promise.all(feeds.map(once)),
    async close() {
      stop.abort();
      clearTimeout(soon);
      for (const clock of clocks) await clock.stop();
      await Promise.all(running.values());
    },
  };
}

/** Read each time: who changes a secret need not start the server again. */
function authorization({ user, passwordFile, tokenFile }: FeedSettings): string | undefined {
  if (tokenFile !== undefined) return `Bearer ${readFileSync(tokenFile, "utf8").trim()}`;
  if (user === undefined || passwordFile === undefined) return undefined;
  return `Basic ${Buffer.from(`${user}:${readFileSync(passwordFile, "utf8").trim()}`).toString("base64")}`;
}

import { lookup as resolveName } from "node:dns";
import http from "node:http";
import https from "node:https";
import type { LookupFunction } from "node:net";
import { safeText } from "@provost/shared/lib/path-text.ts";
import { refusesAddress, refusesUrl } from "./address-guard.ts";

/** What became of one document. A consumer that was fed only a part of it learns so here. */
export type Delivery =
  | {
      readonly kind: "delivered";
      readonly bytes: number;
      readonly etag?: string;
      /** RFC 8288: where the next page is. */
      readonly link?: string;
    }
  | { readonly kind: "unchanged" }
  | { readonly kind: "absent"; readonly says: string }
  | { readonly kind: "refused"; readonly says: string }
  | {
      readonly kind: "unreachable";
      readonly says: string;
      /** RFC 9110 11.6.1: what the host wants to see first (401). */
      readonly challenge?: string;
      /** RFC 9110 10.2.3: the host asked to be left alone for so long (429, 503). */
      readonly retryAfterMs?: number;
    };

export type Receive = (chunk: Buffer) => void | Promise<void>;

export interface FetchRequest {
  readonly url: URL;
  /** More bytes than this end the transfer: the signed size where one is known. */
  readonly maxBytes: number;
  readonly etag?: string;
  readonly accept?: string;
  /** Sent to the host of `url` alone: a redirect to another host goes without it. */
  readonly authorization?: string;
  readonly signal: AbortSignal;
  /** Called anew for every attempt, so that no attempt continues where another broke off. */
  readonly open: () => Receive;
}

export interface Fetch {
  get(request: FetchRequest): Promise<Delivery>;
}

export interface FetchOptions {
  readonly allowPrivateArchives: boolean;
  readonly random: () => number;
  readonly attempts: number;
  readonly connectMilliseconds: number;
  /** Without a byte for so long, the transfer is given up. */
  readonly stallMilliseconds: number;
  readonly totalMilliseconds: number;
  readonly maxRedirects: number;
  readonly backoffMilliseconds: number;
  readonly connectionsPerHost: number;
}

export const fetchDefaults: FetchOptions = {
  allowPrivateArchives: false,
  random: Math.random,
  attempts: 4,
  connectMilliseconds: 15_000,
  stallMilliseconds: 20_000,
  totalMilliseconds: 30 * 60_000,
  maxRedirects: 5,
  backoffMilliseconds: 500,
  connectionsPerHost: 4,
};

/** Bounded GET over http and https. `close` ends the idle connections. */
export function openFetch(overrides: Partial<FetchOptions> = {}): Fetch & { close(): void } {
  const options = { ...fetchDefaults, ...overrides };
  const agentOptions = {
    keepAlive: true,
    maxSockets: options.connectionsPerHost,
    maxFreeSockets: options.connectionsPerHost,
  };
  const agents = { "http:": new http.Agent(agentOptions), "https:": new https.Agent(agentOptions) };
  return {
    get: (request) => withRetries(request, options, agents),
    close: () => {
      agents["http:"].destroy();
      agents["https:"].destroy();
    },
  };
}

type Agents = { readonly "http:": http.Agent; readonly "https:": https.Agent };
type Attempt = Delivery | { readonly kind: "broken"; readonly says: string };

async function withRetries(request: FetchRequest, options: FetchOptions, agents: Agents): Promise<Delivery> {
  let says = "";
  for (let attempt = 0; attempt < options.attempts; attempt += 1) {
    if (attempt > 0) await pause(backoff(attempt, options), request.signal);
    if (request.signal.aborted) return { kind: "unreachable", says: "stopped" };
    const outcome = await follow(request, options, agents);
    if (outcome.kind !== "broken") return outcome;
    says = outcome.says;
  }
  return { kind: "unreachable", says: `${says} (${options.attempts} attempts)` };
}

/** Exponential with full jitter: devices and servers that failed together do not return together. */
const backoff = (attempt: number, { backoffMilliseconds, random }: FetchOptions): number =>
  random() * backoffMilliseconds * 2 ** attempt;

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}

async function follow(request: FetchRequest, options: FetchOptions, agents: Agents): Promise<Attempt> {
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(options.totalMilliseconds)]);
  let { url } = request;
  for (let hops = 0; hops <= options.maxRedirects; hops += 1) {
    const refusal = refusesUrl(url, options.allowPrivateArchives);
    if (refusal !== undefined) return { kind: "refused", says: `${hostOf(url)}: ${refusal}` };
    const { authorization, ...open } = request;
    const own = authorization !== undefined && url.origin === request.url.origin ? { authorization } : {};
    const outcome = await once({ ...open, ...own, url, signal }, options, agents);
    if (outcome.kind !== "redirect") return outcome;
    const next = URL.parse(outcome.to, url.href);
    if (next === null) return { kind: "refused", says: `${hostOf(url)} redirects to something that is no URL` };
    // A redirect from https to http would let anybody on the way choose the rest of the way.
    if (url.protocol === "https:" && next.protocol !== "https:")
      return { kind: "refused", says: `${hostOf(url)} redirects away from https to ${next.protocol}` };
    url = next;
  }
  return { kind: "refused", says: `${hostOf(request.url)}: more than ${options.maxRedirects} redirects` };
}

type Step = Attempt | { readonly kind: "redirect"; readonly to: string };

function once(request: FetchRequest, options: FetchOptions, agents: Agents): Promise<Step> {
  return new Promise((resolve) => {
    const { url, signal } = request;
    const secure = url.protocol === "https:";
    const outgoing = (secure ? https.get : http.get)(url.href, {
      agent: secure ? agents["https:"] : agents["http:"],
      signal,
      lookup: guardedLookup(options.allowPrivateArchives),
      headers: {
        "user-agent": "provost",
        // The bytes that are signed, not a transfer's idea of them.
        "accept-encoding": "identity",
        ...(request.etag === undefined ? {} : { "if-none-match": request.etag }),
        ...(request.accept === undefined ? {} : { accept: request.accept }),
        ...(request.authorization === undefined ? {} : { authorization: request.authorization }),
      },
    });
    outgoing.setTimeout(options.connectMilliseconds, () => outgoing.destroy(new Error("no answer in time")));
    outgoing.on("error", (error) => resolve(explain(url, error)));
    outgoing.on("response", (response) => {
      outgoing.setTimeout(options.stallMilliseconds, () => response.destroy(new Error("the transfer stalled")));
      resolve(answered(request, response));
    });
  });
}

async function answered(request: FetchRequest, response: http.IncomingMessage): Promise<Step> {
  const step = await answer(request, response);
  if (step.kind !== "delivered") response.destroy();
  return step;
}

async function answer(request: FetchRequest, response: http.IncomingMessage): Promise<Step> {
  const { url, maxBytes } = request;
  const status = response.statusCode ?? 0;
  const { location } = response.headers;
  if ([301, 302, 303, 307, 308].includes(status) && location !== undefined) return { kind: "redirect", to: location };
  if (status === 304) return { kind: "unchanged" };
  const says = `${hostOf(url)} answers ${status} for ${pathOf(url)}`;
  const pause = pauseAsked(response);
  if ([403, 429, 503].includes(status) && pause !== undefined)
    return { kind: "unreachable", says, retryAfterMs: pause };
  if ([403, 404, 410].includes(status)) return { kind: "absent", says };
  const challenge = response.headers["www-authenticate"]?.slice(0, 2000);
  if (status === 401 && challenge !== undefined) return { kind: "unreachable", says, challenge };
  if (status !== 200) return { kind: "broken", says };
  const promised = Number(response.headers["content-length"] ?? 0);
  if (promised > maxBytes) return tooLarge(url, maxBytes);
  const receive = request.open();
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) return tooLarge(url, maxBytes);
      await receive(chunk);
    }
  } catch (error) {
    return explain(url, error);
  }
  const { etag, link } = response.headers;
  return {
    kind: "delivered",
    bytes,
    ...(etag === undefined || etag.length > 200 ? {} : { etag }),
    ...(typeof link !== "string" || link.length > 4000 ? {} : { link }),
  };
}

/**
 * Retry-After in seconds alone (a date would need the host's clock to agree with ours), a day at most. GitHub says with another header
 * that the hour's questions are used up.
 */
function pauseAsked({ headers }: http.IncomingMessage): number | undefined {
  const text = headers["retry-after"];
  if (text !== undefined && /^\d{1,6}$/.test(text)) return Math.min(Number(text), 86_400) * 1000;
  return headers["x-ratelimit-remaining"] === "0" ? 15 * 60_000 : undefined;
}

const tooLarge = (url: URL, maxBytes: number): Attempt => ({
  kind: "refused",
  says: `${hostOf(url)} sends more than the ${maxBytes} bytes expected for ${pathOf(url)}`,
});

/** Resolves as the system does and drops the addresses a device must not reach through the server. */
function guardedLookup(allowPrivate: boolean): LookupFunction {
  return (hostname, lookupOptions, callback) => {
    resolveName(hostname, { ...lookupOptions, all: true }, (error, found) => {
      if (error !== null) return callback(error, "");
      const reasons = found.map(({ address }) => refusesAddress(address, allowPrivate));
      const allowed = found.filter((_, at) => reasons[at] === undefined);
      const [first] = allowed;
      if (first === undefined) return callback(new AddressRefused(`${hostname}: ${reasons[0] ?? "no address"}`), "");
      return lookupOptions.all === true ? callback(null, allowed) : callback(null, first.address, first.family);
    });
  };
}

class AddressRefused extends Error {
  override readonly name = "AddressRefused";
}

function explain(url: URL, error: unknown): Attempt {
  if (error instanceof AddressRefused) return { kind: "refused", says: error.message };
  const text = error instanceof Error ? error.message || error.name : String(error);
  return { kind: "broken", says: `${hostOf(url)}: ${safeText(text).slice(0, 300)}` };
}

const hostOf = (url: URL): string => safeText(url.host || url.protocol).slice(0, 300);
const pathOf = (url: URL): string => safeText(url.pathname).slice(0, 500);

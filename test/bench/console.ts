import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { chromiumPath } from "../support/chromium.ts";
import type { Product } from "./product.ts";
import { settledState, startProduct } from "./product.ts";
import type { Options, Result } from "./result.ts";
import { atMost, below, median, round } from "./result.ts";
import { openSession } from "./session.ts";

const loads = 9;

/** The console in headless Chromium against what this machine really holds. */
export async function run({ excluded, say }: Options): Promise<Result> {
  const program = chromiumPath();
  if (program === undefined) throw new Error("there is no chromium on the PATH; install Debian's package chromium");
  const product = await startProduct(await settledState(excluded, say), excluded);
  const browser = await chromium.launch({ executablePath: program, args: [...flags] });
  try {
    say("waiting until the product is at rest");
    const session = await openSession(product);
    await product.whole;
    say(`loading the Overview ${2 * loads} times, half of them with an empty cache`);
    return await report(browser, product, session.cookie, await session.overview());
  } finally {
    await browser.close();
    await product.stop();
  }
}

const flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"];

async function report(
  browser: Browser,
  product: Product,
  cookie: string,
  holds: { readonly executables: { readonly total: number }; readonly packages: { readonly total: number } },
): Promise<Result> {
  const cold: Load[] = [];
  for (let number = 0; number < loads; number += 1)
    cold.push(await inContext(browser, product, cookie, (page) => load(page, product.address)));
  const warm = await inContext(browser, product, cookie, async (page) => {
    await load(page, product.address);
    const some: Load[] = [];
    for (let number = 0; number < loads; number += 1) some.push(await load(page, product.address));
    return some;
  });
  const bytes = await inContext(browser, product, cookie, (page) => weigh(page, product.address));
  const frames = await inContext(browser, product, cookie, (page) => scroll(page, product.address));
  const total = (kind: string): number =>
    bytes.filter((file) => file.kind === kind).reduce((sum, file) => sum + file.gzipped, 0) / 1024;
  const coldMs = median(cold.map(({ interactive }) => interactive));
  return {
    name: "console",
    figures: {
      "executables behind the page": holds.executables.total,
      "packages behind the page": holds.packages.total,
      "JS, KiB gzipped": round(total("script")),
      "CSS, KiB gzipped": round(total("stylesheet")),
      "files of JS and CSS": bytes.length,
      "JS and CSS as sent, KiB": round(bytes.reduce((sum, { sent }) => sum + sent, 0) / 1024),
      "shown, cold cache, ms": round(median(cold.map(({ shown }) => shown))),
      "interactive, cold cache, ms": round(coldMs),
      "interactive, cold cache, slowest, ms": round(Math.max(...cold.map(({ interactive }) => interactive))),
      "shown, warm cache, ms": round(median(warm.map(({ shown }) => shown))),
      "interactive, warm cache, ms": round(median(warm.map(({ interactive }) => interactive))),
      "loads each": loads,
      "scrolling executables: frames": frames.length,
      "scrolling executables: median frame, ms": round(median(frames)),
      "scrolling executables: 95th percentile, ms": round(
        frames.toSorted((a, b) => a - b)[Math.floor(frames.length * 0.95)] ?? Number.NaN,
      ),
    },
    goals: [
      atMost("Overview, JS and CSS gzipped", 150, total("script") + total("stylesheet"), "KiB"),
      below("Overview interactive, cold cache", 1.5, coldMs / 1000, "s"),
    ],
  };
}

/** A context of its own has an empty cache. */
async function inContext<T>(
  browser: Browser,
  product: Product,
  cookie: string,
  act: (page: Page) => Promise<T>,
): Promise<T> {
  const context: BrowserContext = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  try {
    const [name = "", value = ""] = cookie.split("=");
    await context.addCookies([{ name, value, url: product.address, httpOnly: true, sameSite: "Strict" }]);
    return await act(await context.newPage());
  } finally {
    await context.close();
  }
}

interface Load {
  /** Milliseconds from the start of the navigation until heading and counts are on the page. */
  readonly shown: number;
  /** Until a click made then has been answered: the theme has turned. */
  readonly interactive: number;
}

async function load(page: Page, address: string): Promise<Load> {
  await page.goto(`${address}/`, { waitUntil: "commit" });
  const shown = await clockWhen(
    page,
    `document.querySelector("h1")?.textContent === "Overview" &&
     document.querySelector('section[aria-label="Running programs"] strong') !== null`,
  );
  const button = `document.querySelector('button[aria-label^="Use the "]')`;
  const before = await page.evaluate<string>(`${button}.ariaLabel`);
  await page.getByRole("button", { name: before }).click();
  return { shown, interactive: await clockWhen(page, `${button}.ariaLabel !== ${JSON.stringify(before)}`) };
}

/** The page's own clock, which begins with the navigation, in the first frame in which `condition` is true. */
const clockWhen = (page: Page, condition: string): Promise<number> =>
  // The console's policy forbids eval, so the condition is written into the script that is sent.
  page.evaluate<number>(`new Promise((done) => {
    const look = () => ((${condition}) ? done(performance.now()) : requestAnimationFrame(look));
    look();
  })`);

interface Weighed {
  readonly kind: string;
  readonly sent: number;
  readonly gzipped: number;
}

async function weigh(page: Page, address: string): Promise<readonly Weighed[]> {
  const weighed: Promise<Weighed>[] = [];
  page.on("response", (response) => {
    const kind = response.request().resourceType();
    if (kind !== "script" && kind !== "stylesheet") return;
    weighed.push(
      response.body().then((body) => ({ kind, sent: body.length, gzipped: gzipSync(body, { level: 9 }).length })),
    );
  });
  await load(page, address);
  await page.waitForTimeout(1000);
  return Promise.all(weighed);
}

/** Milliseconds of each frame while the list of executables is scrolled by three rows a frame. */
async function scroll(page: Page, address: string): Promise<readonly number[]> {
  await page.goto(`${address}/executables`);
  await page.getByRole("table", { name: "Executables" }).waitFor();
  await page.waitForTimeout(500);
  return page.evaluate<number[]>(`new Promise((done) => {
    const box = document.querySelector('table[aria-label="Executables"]').parentElement;
    const frames = [];
    let last = performance.now();
    const step = (now) => {
      frames.push(now - last);
      last = now;
      if (frames.length > 240) return done(frames.slice(1));
      box.scrollTop += 120;
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  })`);
}

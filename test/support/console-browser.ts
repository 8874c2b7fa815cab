import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { chromiumPath } from "./chromium.ts";
import { startConsoleFixture, type ConsoleFixture } from "./console-fixture.ts";

const root = new URL("../../server/console", import.meta.url).pathname;
const vite = new URL("../../node_modules/.bin/vite", import.meta.url).pathname;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const dist = join(root, "dist");
export const program = chromiumPath();
if (program === undefined) process.stdout.write("SKIPPED console pages: no chromium on the PATH\n");

interface Shown {
  readonly fixture: ConsoleFixture;
  readonly page: Page;
  /** What the browser complained about: policy violations, thrown errors, failed loads. */
  readonly complaints: string[];
}

/** The console as the product builds it, against made-up answers: a page of its own for each test of the suite that asks for it. */
export function consoleInBrowser(executables: number): () => Shown {
  let fixture: ConsoleFixture;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  beforeAll(async () => {
    buildConsole();
    fixture = await startConsoleFixture(dist, executables);
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser.close();
    await fixture.close();
  });
  beforeEach(async () => {
    page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const heard: string[] = [];
    complaints = heard;
    page.on("console", (message) => {
      if (message.type() === "error") heard.push(message.text());
    });
    page.on("pageerror", (error) => heard.push(error.message));
  });
  afterEach(async () => {
    await page.close();
    fixture.signedIn = true;
    fixture.problem = undefined;
    fixture.empty = false;
    fixture.auditBroken = false;
    fixture.role = "owner";
    fixture.forgetPolicies();
    fixture.given.length = 0;
  });
  return () => ({ fixture, page, complaints });
}

/** As the product builds it: a test runner's own NODE_ENV would give React's development build. */
export function buildConsole(): void {
  const env = { ...process.env, NODE_ENV: "production" };
  const built = spawnSync(vite, ["build", root, "--logLevel", "error"], { env, encoding: "utf8" });
  if (built.status !== 0) throw new Error(built.stderr);
}

export const openBrowser = (): Promise<Browser> => chromium.launch({ executablePath: program ?? "", args: [...flags] });

export async function violations(page: Page): Promise<readonly string[]> {
  await page.waitForTimeout(50);
  await page.evaluate(axe);
  return page.evaluate<readonly string[]>(
    `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
      .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.slice(0, 3).map((node) => id + ": " + node.html.slice(0, 160) + " " + (node.any[0]?.message ?? ""))))`,
  );
}

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
] as const;

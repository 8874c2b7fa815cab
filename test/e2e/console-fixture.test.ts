import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { chromiumPath } from "../support/chromium.ts";
import { startConsoleFixture, type ConsoleFixture } from "../support/console-fixture.ts";

const root = new URL("../../server/console", import.meta.url).pathname;
const vite = new URL("../../node_modules/.bin/vite", import.meta.url).pathname;
const dist = join(root, "dist");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const program = chromiumPath();
if (program === undefined) process.stdout.write("SKIPPED console pages: no chromium on the PATH\n");

const purl = "/package?purl=pkg%3Adeb%2Fdebian%2Fbash%405.2.0-2%252Bb8%3Farch%3Damd64";
const pages = [
  ["Overview", "/", "of what runs now has proof"],
  ["Devices", "/devices", "build-07.prague"],
  ["Device", "/devices/dev_0", "What it cannot see"],
  ["Executables", "/executables", "100,000 files"],
  ["a refuted executable", "/executables/exe_0", "Contradicted link: file"],
  ["a hostile executable", "/executables/exe_3", "xe2"],
  ["a very long path", "/executables/exe_5", "Identity"],
  ["Packages", "/packages", "900 packages"],
  ["Package", purl, "Installed on"],
  ["no such page", "/nothing/here", "There is no such page"],
] as const;

describe.skipIf(program === undefined)("the console against made-up answers", () => {
  let fixture: ConsoleFixture;
  let browser: Browser;
  let page: Page;
  /** What the browser complained about: policy violations, thrown errors, failed loads. */
  let complaints: string[];

  beforeAll(async () => {
    // As the product builds it: a test runner's own NODE_ENV would give React's development build.
    const env = { ...process.env, NODE_ENV: "production" };
    const built = spawnSync(vite, ["build", root, "--logLevel", "error"], { env, encoding: "utf8" });
    if (built.status !== 0) throw new Error(built.stderr);
    fixture = await startConsoleFixture(dist, 100_000);
    browser = await chromium.launch({ executablePath: program ?? "", args: [...flags] });
  });
  afterAll(async () => {
    await browser.close();
    await fixture.close();
  });
  beforeEach(async () => {
    page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    complaints = [];
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
  });
  afterEach(async () => {
    await page.close();
    fixture.signedIn = true;
    fixture.problem = undefined;
    fixture.empty = false;
  });

  test.each(pages)("%s is accessible in both themes and breaks no policy", async (_name, path, words) => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.goto(fixture.url + path);
      await page.getByText(words).first().waitFor();
      expect(await violations(page)).toEqual([]);
    }
    expect(complaints).toEqual([]);
  });

  test.each(pages.slice(0, 9))("%s fits a phone without scrolling sideways", async (_name, path, words) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(fixture.url + path);
    await page.getByText(words).first().waitFor({ state: "attached" });
    expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBeLessThanOrEqual(390);
    expect(await violations(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("the first load of Overview stays under 150 KiB of script and style, gzipped, and carries no schema library", async () => {
    fixture.asked.length = 0;
    await page.goto(fixture.url, { waitUntil: "networkidle" }).catch(() => undefined);
    await page.getByText("of what runs now has proof").waitFor();
    const files = fixture.asked.filter((path) => path.startsWith("/assets/") && /\.(js|css)$/.test(path));
    const bodies = [...new Set(files)].map((path) => readFileSync(join(dist, path)));
    const sizes = bodies.map((body) => gzipSync(body).length);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    process.stdout.write(`overview first load: ${(total / 1024).toFixed(1)} KiB gzipped in ${sizes.length} files\n`);
    expect(total).toBeLessThan(150 * 1024);
    expect(bodies.some((body) => body.includes("ZodError") || body.includes("invalid_type"))).toBe(false);
  });

  test("refuted comes first on Overview, as icon, word and reason", async () => {
    await page.goto(fixture.url);
    const panel = page.getByRole("region", { name: /files refuted/ });
    await panel.getByText("Refuted", { exact: true }).first().waitFor();
    expect(await panel.locator("svg").count()).toBeGreaterThan(0);
    expect((await panel.boundingBox())?.y).toBeLessThan(
      (await page.getByRole("region", { name: "Running programs" }).boundingBox())?.y ?? 0,
    );
  });

  test("a hostile name stays text", async () => {
    await page.goto(`${fixture.url}/executables/exe_4`);
    await page.getByRole("heading", { level: 1 }).getByText("script>").waitFor();
    await page.goto(`${fixture.url}/executables/exe_3`);
    await page.getByRole("heading", { level: 1 }).getByText("\\xe2\\x80\\xaegpj.exe").waitFor();
    expect(complaints).toEqual([]);
  });

  test("evidence opens in a drawer as text, with its digest computed again, and the keyboard comes back", async () => {
    await page.goto(`${fixture.url}/executables/exe_20`);
    const open = page.getByRole("button", { name: "InRelease of bookworm" });
    await open.focus();
    await page.keyboard.press("Enter");
    const drawer = page.getByRole("dialog", { name: "InRelease of bookworm" });
    await drawer.getByText("Equal, computed in this browser").waitFor();
    expect(await drawer.getByRole("textbox").inputValue()).toContain("BEGIN PGP SIGNED MESSAGE");
    expect(await drawer.getByRole("link", { name: /Download/ }).getAttribute("href")).toMatch(
      /^\/api\/v1\/evidence\/[0-9a-f]{64}$/,
    );
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await drawer.waitFor({ state: "detached" });
    expect(await open.evaluate((element) => element.matches(":focus"))).toBe(true);
    expect(complaints).toEqual([]);
  });

  test("evidence that is not what its digest says is shown to differ", async () => {
    await page.goto(`${fixture.url}/executables/exe_20`);
    await page.getByRole("button", { name: "A record that was altered" }).click();
    const differs = page.getByText(/Differs: these bytes have [0-9a-f]{64}/);
    await differs.waitFor();
    expect(await differs.textContent()).not.toContain("ab".repeat(32));
  });

  test("evidence that hides text or is no text is shown, never rendered", async () => {
    await page.goto(`${fixture.url}/executables/exe_20`);
    await page.getByRole("button", { name: "Signature bundle" }).click();
    const shown = page.getByRole("dialog").getByRole("textbox");
    await expect.poll(() => shown.inputValue()).toContain("\\u{202e}");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Manifest of the package" }).click();
    await expect.poll(() => shown.inputValue()).toContain("00000000  00 25 4a");
  });

  test("without a session every page says which link to use", async () => {
    fixture.signedIn = false;
    await page.goto(`${fixture.url}/executables`);
    await page.getByRole("heading", { name: "Sign in to see your fleet" }).waitFor();
    await page.getByText("npm start").waitFor();
    expect(await violations(page)).toEqual([]);
  });

  test("a session that ends while a page is open is noticed at the next question", async () => {
    await page.goto(fixture.url);
    await page.getByText("of what runs now has proof").waitFor();
    fixture.signedIn = false;
    await page.getByRole("link", { name: "Packages", exact: true }).click();
    await page.getByRole("heading", { name: "Sign in to see your fleet" }).waitFor();
    expect(await page.getByText("build-07.prague").count()).toBe(0);
  });

  test.each(pages.slice(0, 9))("%s shows the server's reason and code when it refuses", async (_name, path) => {
    fixture.problem = { status: 409, detail: "The store is being moved.", code: "STATE_UNUSABLE" };
    await page.goto(fixture.url + path);
    await page.getByText("The store is being moved.").first().waitFor();
    await page.getByText("STATE_UNUSABLE").first().waitFor();
    expect(await violations(page)).toEqual([]);
    fixture.problem = undefined;
    await page.getByRole("button", { name: "Try again" }).first().click();
    await page.getByText("The store is being moved.").first().waitFor({ state: "detached" });
  });

  test.each([
    ["Overview", "/", "No device yet"],
    ["Devices", "/devices", "Waiting for the first device"],
    ["Executables", "/executables", "No executable yet"],
    ["Packages", "/packages", "No package matches"],
  ])("%s of an empty fleet says so", async (_name, path, words) => {
    fixture.empty = true;
    await page.goto(fixture.url + path);
    await page.getByText(words).first().waitFor();
    expect(await violations(page)).toEqual([]);
  });

  test("the first device brings itself onto the page", async () => {
    fixture.empty = true;
    await page.goto(`${fixture.url}/devices`);
    await page.getByText("Waiting for the first device").waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    fixture.empty = false;
    fixture.publish({ topic: "devices", changed: 1, at: Date.now() });
    await page.getByRole("link", { name: "build-07.prague" }).waitFor();
    expect(await page.getByText("Waiting for the first device").count()).toBe(0);
  });

  test("adding a device shows the one line, asked for with the session's token", async () => {
    await page.goto(`${fixture.url}/devices`);
    await page.getByRole("button", { name: "Add device" }).click();
    const dialog = page.getByRole("dialog", { name: "Add a device" });
    await dialog.getByText(/provost enrol --server/).waitFor();
    await dialog.getByText(/Works once, until/).waitFor();
    await dialog.getByRole("button", { name: "Copy" }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByText("Live", { exact: true }).waitFor();
    fixture.publish({ topic: "devices", changed: 1, at: Date.now() });
    await dialog.getByText("A device has enrolled").waitFor();
    expect(complaints).toEqual([]);
  });

  test("filters live in the address and the server sorts", async () => {
    await page.goto(`${fixture.url}/executables`);
    await page.getByRole("button", { name: "Refuted" }).click();
    await page.getByText("13 files").waitFor();
    expect(new URL(page.url()).search).toBe("?standing=refuted");
    await page.getByRole("button", { name: "Kind" }).click();
    await page.getByRole("checkbox", { name: "Library" }).check();
    await expect.poll(() => new URL(page.url()).search).toBe("?standing=refuted&kind=library");
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "File" }).click();
    await expect.poll(() => fixture.asked.some((path) => path.includes("sort=path"))).toBe(true);
    await page.goto(`${fixture.url}/executables?standing=refuted,signed&running=true&q=curl`);
    expect(await page.getByRole("button", { name: "Signed" }).getAttribute("aria-pressed")).toBe("true");
    expect(await page.getByRole("searchbox").inputValue()).toBe("curl");
    expect(complaints).toEqual([]);
  });

  test("live changes are offered, not pushed, and a broken stream is said", async () => {
    await page.goto(`${fixture.url}/executables`);
    const first = page.locator("[data-row='0'] a");
    await first.waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    const before = fixture.asked.length;
    fixture.publish({ topic: "executables", device: "dev_1", changed: 37, at: Date.now() });
    await page.getByRole("button", { name: /37 new/ }).waitFor();
    expect(fixture.asked.length).toBe(before);
    await page.getByRole("button", { name: /37 new/ }).click();
    await page.getByRole("button", { name: /37 new/ }).waitFor({ state: "detached" });
    fixture.hangUp();
    await page.getByRole("button", { name: /Changes were missed/ }).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
  });

  test("a list of a hundred thousand is walked by keyboard, page by page, with few rows drawn", async () => {
    await page.goto(`${fixture.url}/executables`);
    await page.locator("[data-row='0'] a").focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await expect.poll(() => focusedRow(page)).toBe("2");
    await page.keyboard.press("End");
    await expect.poll(() => focusedRow(page)).toBe("199");
    await page.getByText(/of 100,000/).waitFor();
    await expect
      .poll(() => page.evaluate<number>("document.querySelector('tbody').offsetHeight"))
      .toBeGreaterThan(300 * 40);
    expect(await page.locator("[data-row]").count()).toBeLessThan(60);
    await page.keyboard.press("Enter");
    await page.getByText("Where it comes from").waitFor();
    await page.goBack();
    await expect
      .poll(() => page.evaluate<number>("document.querySelector('table').parentElement.scrollTop"))
      .toBeGreaterThan(4000);
    expect(complaints).toEqual([]);
  });

  test("processes are a tree: arrows move, open mapped files and lead to the parent", async () => {
    await page.goto(`${fixture.url}/devices/dev_0`);
    const tree = page.getByRole("tree", { name: "Running processes" });
    await tree.getByRole("treeitem").first().focus();
    await page.keyboard.press("ArrowRight");
    await tree.getByText("libc.so.6").first().waitFor();
    expect(await tree.getByRole("treeitem").first().getAttribute("aria-expanded")).toBe("true");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowLeft");
    await expect.poll(() => focusedRow(page)).toBe("0");
    await page.keyboard.press("ArrowLeft");
    expect(await tree.getByRole("treeitem").first().getAttribute("aria-expanded")).toBe("false");
    await page.getByLabel("Only what lacks proof").check();
    await tree.getByText("maps unproven").first().waitFor();
    expect(await violations(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("Ctrl-K finds a device and goes there", async () => {
    await page.goto(fixture.url);
    await page.getByText("of what runs now has proof").waitFor();
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill("web-02");
    await page
      .getByRole("option", { name: /web-02/ })
      .first()
      .waitFor();
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "web-02" }).waitFor();
    expect(complaints).toEqual([]);
  });

  test("the theme can be chosen and is remembered", async () => {
    await page.goto(fixture.url);
    await page.getByRole("button", { name: "Use the dark theme" }).click();
    await page.reload();
    await page.getByRole("button", { name: "Use the light theme" }).waitFor();
    expect(await page.evaluate<string>("getComputedStyle(document.body).colorScheme")).toBe("dark");
  });

  test("signing out ends what is on screen", async () => {
    await page.goto(fixture.url);
    const out = page.getByRole("button", { name: "Sign out" });
    await out.waitFor();
    fixture.asked.length = 0;
    const answered = page.waitForResponse((response) => response.url().endsWith("/session/end"));
    await out.click();
    expect((await answered).status()).toBe(200);
  });
});

async function violations(page: Page): Promise<readonly string[]> {
  await page.waitForTimeout(50);
  await page.evaluate(axe);
  return page.evaluate<readonly string[]>(
    `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
      .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.slice(0, 3).map((node) => id + ": " + node.html.slice(0, 160) + " " + (node.any[0]?.message ?? ""))))`,
  );
}

const focusedRow = (page: Page): Promise<string | null> =>
  page.evaluate("document.activeElement?.closest('[data-row]')?.getAttribute('data-row') ?? null");

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

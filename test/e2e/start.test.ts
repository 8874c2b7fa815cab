import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath } from "../support/chromium.ts";
import { alterProgram, cannotMakeRoot, dpkgVerify, makeDebianRoot } from "../support/debian-root.ts";
import { startProduct } from "../support/product.ts";
import type { Product } from "../support/product.ts";

const missing =
  cannotMakeRoot() ?? (chromiumPath() === undefined ? "chromium is missing: apt-get install -y chromium" : undefined);
if (missing !== undefined) process.stderr.write(`skipped: the way from the disk to the browser: ${missing}\n`);

/**
 * The main job as a newcomer meets it: start, sign in with the printed link, find this machine, read a chain. A Debian root made
 * for the test holds current packages, so that the chain can be followed to the archive's key whatever this machine runs.
 */
describe.skipIf(missing !== undefined)("from the disk to the browser", () => {
  let folder: string;
  let root: string;
  let product: Product;
  let running: ChildProcess;
  let browser: Browser;
  let page: Page;
  const problems: string[] = [];

  beforeAll(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "provost-start-")));
    root = join(folder, "root");
    await makeDebianRoot(root);
    alterProgram(root, "/usr/bin/grep", "grep");
    running = spawn("chroot", [root, "/bin/bash", "-c", "sleep 1800; :"], { stdio: "ignore", detached: true });
    product = await startProduct(join(folder, "state"), 4810);
    await product.waitFor(/Watching\. Ctrl-C stops it\./, 900_000);
    browser = await chromium.launch({
      executablePath: chromiumPath() ?? "",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
    page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().includes("401")) problems.push(message.text());
    });
  }, 1_200_000);

  afterAll(async () => {
    await browser?.close();
    await product?.stop();
    // The shell and what it started: a program left behind would keep the root, deleted, in every later pass of this machine.
    if (running?.pid !== undefined) process.kill(-running.pid, "SIGKILL");
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  const open = async (address: string): Promise<void> => {
    await page.goto(product.address + address);
    await page.locator("h1").waitFor();
  };
  const openExecutable = async (query: string, row: RegExp): Promise<void> => {
    await open(`/executables?q=${encodeURIComponent(query)}`);
    await page.locator('a[href^="/executables/exe_"]').filter({ hasText: row }).first().click();
    await page.getByText("Where it comes from").waitFor();
  };

  test("without a session the console shows how to sign in and the API tells nothing", async () => {
    await page.goto(product.address);
    await page
      .getByText(/sign in/i)
      .first()
      .waitFor();
    const answer = await fetch(`${product.address}/api/v1/overview`);
    expect(answer.status).toBe(401);
    expect(await answer.text()).not.toContain("executables");
  });

  test("the printed link signs in, once", async () => {
    const link = /Sign in\s+(http\S+)/.exec(product.stdout())?.[1] ?? "";
    await page.goto(link);
    await page.locator("h1", { hasText: "Overview" }).waitFor();
    const again = await fetch(link, { redirect: "manual" });
    expect(again.headers.get("set-cookie")).toBeNull();
  });

  test("this machine is there, online, with its archives and what runs", async () => {
    await open("/devices");
    await page.locator('a[href^="/devices/dev_"]').first().click();
    await page.getByRole("heading", { name: "Running now" }).waitFor();
    await page
      .getByText(/Debian Archive Automatic Signing Key/)
      .first()
      .waitFor();
    expect(await page.getByText("Online").first().isVisible()).toBe(true);
  });

  test("bash is opened and its chain is read up to the archive's key", async () => {
    await openExecutable(`${root} /usr/bin/bash`, /bash/);
    const text = await page.locator("main").innerText();
    expect(text).toContain("Signed");
    expect(text).toMatch(/byte for byte the file in the signed package bash/);
    expect(text).toMatch(/Debian Archive Automatic Signing Key/);
    expect(text).toMatch(/[0-9A-F]{40}/);
    expect(text).toMatch(/running|process/i);
  });

  test("the raw evidence is one click away", async () => {
    await page
      .getByRole("button", { name: /InRelease/ })
      .first()
      .click();
    const shown = page.locator("textarea");
    await shown.waitFor();
    await expect.poll(() => shown.inputValue(), { timeout: 15_000 }).toContain("-----BEGIN PGP SIGN");
    await page.keyboard.press("Escape");
  });

  test("an altered program whose md5sums were edited to match is refuted, while dpkg finds nothing", async () => {
    expect(dpkgVerify(root, "grep")).toBe("");
    await openExecutable(`${root} /usr/bin/grep`, /\/grep$|grep/);
    const text = await page.locator("main").innerText();
    expect(text).toContain("Refuted");
    expect(text).toMatch(/differs from the file in the signed package grep/);
    expect(text).toMatch(/record agrees with the changed bytes, so it was edited too/);
    await open("/");
    await page.getByText("/usr/bin/grep").first().waitFor();
  });

  test("nothing this machine's own packages hold is called refuted without a contradiction to show", async () => {
    await open("/executables?standing=refuted");
    const rows = await page.locator('a[href^="/executables/exe_"]').allInnerTexts();
    expect(rows.every((row) => row.includes("grep"))).toBe(true);
  });

  test("no page broke a rule of its own content security policy", () => {
    expect(problems).toEqual([]);
  });

  test("a second start is live within seconds and Ctrl-C stops everything", async () => {
    expect(await product.stop()).toBe(0);
    product = await startProduct(join(folder, "state"), 4810);
    const link =
      /sign in\s+(http\S+)/.exec(product.stdout() + product.stderr())?.[1] ??
      (await product.waitFor(/sign in\s+(http\S+)/, 10_000))[1] ??
      "";
    await page.goto(link);
    await page.locator("h1", { hasText: "Overview" }).waitFor();
    await page.getByText(/has proof of where it came from/).waitFor();
    expect(await product.stop()).toBe(0);
  });
});

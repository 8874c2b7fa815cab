/** `npm run screenshots`: pictures for the documentation, taken from the product running on this machine's real data. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { chromiumPath } from "../support/chromium.ts";
import { startProduct, top } from "../support/product.ts";

const executablePath = chromiumPath();
if (executablePath === undefined) {
  process.stderr.write("screenshots need Chromium: apt-get install -y chromium\n");
  process.exit(1);
}
const images = join(top, "docs", "images");
mkdirSync(images, { recursive: true });
const excluded = process.argv.slice(2).flatMap((folder) => ["--exclude", folder]);
const product = await startProduct(join(top, ".provost", "screenshots"), 4890, excluded);
const browser = await chromium.launch({
  executablePath,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
  ],
});
try {
  await product.waitFor(/Watching\. Ctrl-C stops it\./, 900_000);
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(/Sign in\s+(http\S+)/.exec(product.stdout())?.[1] ?? "");
  await page.getByText(/has proof of where it came from/).waitFor();
  // The head of the page: below it stand what the machine it was taken on did that day, and names of its folders.
  await page.screenshot({ path: join(images, "overview.png"), clip: { x: 0, y: 0, width: 1280, height: 274 } });
  await page.goto(`${product.address}/executables?q=/usr/bin/find&standing=signed`);
  await page.locator('a[href^="/executables/exe_"]').first().click();
  await page.getByText("Where it comes from").waitFor();
  await page.screenshot({ path: join(images, "executable.png"), fullPage: true });
} finally {
  await browser.close();
  await product.stop();
}

import { chromium } from "playwright-core";
import { newSignInLink } from "../../server/api/login.ts";
import { chromiumPath } from "../support/chromium.ts";
import type { World } from "../support/server-world.ts";

/** The console as an analyst has it open, in headless Chromium. */
export interface Screen {
  /** The queue, at rest and connected. */
  openQueue(): Promise<void>;
  /** When the page offered what is new, and when the row of this incident was drawn once that was taken up at once. */
  incidentDrawn(already: number): Promise<{ readonly offered: number; readonly drawn: number }>;
  /** Everything up to the last click of the order that kills the tree is done; what is returned does that click. */
  readyToKill(incident: string): Promise<() => Promise<void>>;
  /** The order is shown as verified. */
  killShown(): Promise<void>;
  close(): Promise<void>;
}

/** Longer than the bench waits for the store: whichever did not come is named. */
const patienceMs = 60_000;

/** Undefined where there is no browser. */
export async function openScreen(world: World): Promise<Screen | undefined> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) return undefined;
  const browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"],
  });
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.setDefaultTimeout(patienceMs);
  await page.goto(newSignInLink(world.parts));
  return {
    async openQueue() {
      await page.goto(`${world.address}/incidents`);
      await page.getByText("Live", { exact: true }).waitFor();
      await page.getByText(/^\d+ incidents?$/).waitFor();
    },
    async incidentDrawn(already) {
      // Nothing moves under the cursor: a queue says how much is new, and a click brings it in.
      const news = page.getByRole("button", { name: /^\d+ new/ });
      const row = page.getByText(new RegExp(`^${already + 1} incidents?$`));
      for (let offered = Number.NaN; ;) {
        await row.or(news).first().waitFor();
        if (await row.isVisible()) {
          await page.locator('a[href^="/incidents/inc_"]').first().waitFor();
          return { offered, drawn: performance.now() };
        }
        offered = performance.now();
        await news.click();
      }
    },
    async readyToKill(incident) {
      await page.goto(`${world.address}/incidents/${incident}`);
      await page.getByText("Live", { exact: true }).waitFor();
      await page
        .getByRole("button", { name: /^Kill / })
        .first()
        .click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Reason").fill("bench");
      const give = dialog.getByRole("button", { name: "Give the order" });
      await give.waitFor();
      return () => give.click();
    },
    killShown: () =>
      page
        .getByRole("list", { name: "Orders" })
        .getByTitle("The device looked afterwards, and it is so.")
        .first()
        .waitFor(),
    close: () => browser.close(),
  };
}

import type { Page } from "playwright-core";
import { beforeEach, describe, expect, test } from "vitest";
import { consoleInBrowser, program, violations } from "../support/console-browser.ts";
import type { ConsoleFixture } from "../support/console-fixture.ts";

describe.skipIf(program === undefined)("who did what, and what people ask for", () => {
  const scene = consoleInBrowser(100);
  let fixture: ConsoleFixture;
  let page: Page;
  let complaints: string[];
  beforeEach(() => {
    ({ fixture, page, complaints } = scene());
  });

  test("a request is decided in a dialog that says what is known, with a reason", async () => {
    await page.goto(`${fixture.url}/approvals`);
    await page
      .getByRole("button", { name: /^Decide about/ })
      .first()
      .click();
    const dialog = page.getByRole("dialog", { name: /^May .* run\?$/ });
    const approve = dialog.getByRole("button", { name: "Approve" });
    expect([await approve.isDisabled(), await dialog.getByRole("button", { name: "Deny" }).isDisabled()]).toEqual([
      true,
      true,
    ]);
    expect(await violations(page)).toEqual([]);
    await dialog.getByLabel("Reason").fill("her own build");
    await dialog.getByRole("combobox", { name: "For" }).selectOption("8 hours");
    await dialog.getByRole("combobox", { name: "On" }).selectOption("every device");
    await approve.click();
    await dialog.waitFor({ state: "detached" });
    expect(fixture.given.map(({ body }) => body)).toEqual([
      { approve: true, reason: "her own build", scope: "fleet", hours: 8 },
    ]);
    await page
      .getByRole("button", { name: /^Decide about/ })
      .first()
      .click();
    await dialog.getByLabel("Reason").fill("not ours");
    await dialog.getByRole("button", { name: "Deny" }).click();
    await dialog.waitFor({ state: "detached" });
    expect(fixture.given[1]?.body).toMatchObject({ approve: false, reason: "not ours" });
    expect(complaints).toEqual([]);
  });

  test("what was answered says by whom and why, as text", async () => {
    await page.goto(`${fixture.url}/approvals`);
    await page.getByText("Denied", { exact: true }).waitFor();
    await page
      .getByRole("button", { name: /^Details of/ })
      .first()
      .click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(/Not ours: .*xe2.*<b>purchasing<\/b>/).waitFor();
    expect(await dialog.getByRole("button", { name: "Approve" }).count()).toBe(0);
    expect(await violations(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("the audit is narrowed in the address, and an entry opens with its hash at its own address", async () => {
    await page.goto(`${fixture.url}/audit`);
    await page.getByText("Unbroken.").waitFor();
    await page.getByRole("button", { name: "Kind" }).click();
    await page.getByRole("checkbox", { name: /^Answer/ }).check();
    await expect.poll(() => new URL(page.url()).search).toBe("?kind=approval");
    await page.keyboard.press("Escape");
    const day = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    await page.getByLabel("From").fill(day);
    await expect.poll(() => new URL(page.url()).searchParams.get("from")).toBe(String(Date.parse(day)));
    await page.getByLabel("To").fill(day);
    await expect.poll(() => new URL(page.url()).searchParams.get("to")).toBe(String(Date.parse(day) + 86_399_999));
    const first = page.locator("[data-row='0'] a");
    await first.click();
    const drawer = page.getByRole("dialog");
    await drawer.getByText(/^[0-9a-f]{64}$/).waitFor();
    expect(new URL(page.url()).hash).toMatch(/^#\d+$/);
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await drawer.waitFor({ state: "detached" });
    expect(new URL(page.url()).hash).toBe("");
    expect(complaints).toEqual([]);
  });

  test("the audit is exported for the time that is shown, with the command that checks it", async () => {
    await page.goto(`${fixture.url}/audit?from=1000&q=denied`);
    await page.getByText("Unbroken.").waitFor();
    await page.getByRole("button", { name: "Export" }).click();
    const dialog = page.getByRole("dialog", { name: "Export the audit" });
    expect(await dialog.getByRole("link", { name: /Download/ }).getAttribute("href")).toBe(
      "/api/v1/audit/export?from=1000",
    );
    await dialog.getByText(/^provost audit verify provost-audit\.ndjson --server [\w-]{43}$/).waitFor();
    expect(await violations(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("a broken chain is said first, with the entry, and checked again when asked", async () => {
    fixture.auditBroken = true;
    await page.goto(`${fixture.url}/audit`);
    await page.getByText("Broken at entry 100:").waitFor();
    expect(await violations(page)).toEqual([]);
    fixture.auditBroken = false;
    await page.getByRole("button", { name: "Check again" }).click();
    await page.getByText("Unbroken.").waitFor();
    expect(complaints).toEqual([]);
  });

  test("new entries of the audit are offered, not pushed", async () => {
    await page.goto(`${fixture.url}/audit`);
    await page.locator("[data-row='0'] a").waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    fixture.publish({ topic: "audit", changed: 2, at: Date.now() });
    await page.getByRole("button", { name: /^2 new/ }).click();
    await page.getByRole("button", { name: /^2 new/ }).waitFor({ state: "detached" });
    expect(fixture.asked.filter((path) => path.startsWith("/api/v1/audit?")).length).toBeGreaterThan(1);
  });
});

import type { Page } from "playwright-core";
import { beforeEach, describe, expect, test } from "vitest";
import { consoleInBrowser, program, violations } from "../support/console-browser.ts";
import type { ConsoleFixture } from "../support/console-fixture.ts";

const auditors = "An auditor reads, and changes nothing.";
const owners = "What concerns every device is for the owner.";

describe.skipIf(program === undefined)("the console for people who may do less", () => {
  const scene = consoleInBrowser(200);
  let fixture: ConsoleFixture;
  let page: Page;
  let complaints: string[];
  beforeEach(() => {
    ({ fixture, page, complaints } = scene());
  });
  const button = (name: string | RegExp) => page.getByRole("button", { name }).first();

  test.each([
    ["a device", "/devices/dev_0", ["Isolate this device", "Collect a triage bundle"]],
    ["an executable", "/executables/exe_20", ["Quarantine it here", "Block these bytes on every device"]],
    ["an incident", "/incidents/inc_fixture", ["Collect a triage bundle", /^Quarantine/, "Cancel", "Undo"]],
    ["devices", "/devices", ["Add device"]],
  ] as const)("an auditor reads %s, and is told why nothing is done there", async (_page, path, names) => {
    fixture.role = "auditor";
    await page.goto(fixture.url + path);
    await page.getByText(auditors).first().waitFor();
    for (const name of names) expect([name, await button(name).isDisabled()]).toEqual([name, true]);
    await page.getByText("owner · auditor").waitFor();
    expect(await page.getByRole("button", { name: /^Kill process/ }).count()).toBe(0);
    expect(await page.getByRole("button", { name: "Close", exact: true }).count()).toBe(0);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await violations(page)).toEqual([]);
    }
    expect(complaints).toEqual([]);
  });

  test("the Delete key kills nothing for an auditor", async () => {
    fixture.role = "auditor";
    await page.goto(`${fixture.url}/devices/dev_0`);
    await page.getByText(auditors).first().waitFor();
    await page.getByRole("treeitem").first().focus();
    await page.keyboard.press("Delete");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Delete");
    expect([await page.getByRole("dialog").count(), fixture.given]).toEqual([0, []]);
  });

  test("an analyst acts on one device, and not on all", async () => {
    fixture.role = "analyst";
    await page.goto(`${fixture.url}/executables/exe_20`);
    await page.getByText(owners).waitFor();
    expect(await button("Block these bytes on every device").isDisabled()).toBe(true);
    await button("Quarantine it here").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Reason").fill("It is not ours.");
    await dialog.getByRole("checkbox").check();
    await dialog.getByRole("button", { name: "Give the order" }).click();
    await dialog.waitFor({ state: "detached" });
    expect(fixture.given.at(-1)).toMatchObject({ path: "/api/v1/commands", body: { scope: { kind: "device" } } });
    await page.goto(`${fixture.url}/devices`);
    await page.getByText(owners).waitFor();
    expect(await button("Add device").isDisabled()).toBe(true);
    expect(complaints).toEqual([]);
  });

  test("who is signed in is said, and the owner is told of no limit", async () => {
    await page.goto(`${fixture.url}/devices/dev_0`);
    await button("Isolate this device").waitFor();
    await page.getByTitle("Signed in as owner: the owner does everything").waitFor();
    expect(await button("Isolate this device").isEnabled()).toBe(true);
    expect(await page.getByText(/is for the owner|changes nothing/).count()).toBe(0);
  });
});

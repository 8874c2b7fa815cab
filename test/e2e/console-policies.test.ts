import type { Page } from "playwright-core";
import { beforeEach, describe, expect, test } from "vitest";
import { starterPolicy } from "../../server/console/views/policies/starter.ts";
import { consoleInBrowser, program, violations } from "../support/console-browser.ts";
import type { ConsoleFixture } from "../support/console-fixture.ts";
import { fixtureYaml } from "../support/console-policies.ts";
import { openWorld } from "../support/server-world.ts";

describe.skipIf(program === undefined)("policies in the console", () => {
  const scene = consoleInBrowser(200);
  let fixture: ConsoleFixture;
  let page: Page;
  let complaints: string[];
  beforeEach(() => {
    ({ fixture, page, complaints } = scene());
  });
  const words = () => page.getByRole("textbox", { name: /in YAML$/ });
  const publish = () => page.getByRole("button", { name: "Publish", exact: true });

  test("the page says whose word rules, who cannot read it, and what holds now", async () => {
    await page.goto(`${fixture.url}/policies`);
    const rings = page.getByRole("list", { name: "Rings" });
    await rings.getByText("Stepped back from block to warn.").waitFor();
    await rings.getByText(/24 different files were stopped/).waitFor();
    expect(await rings.getByRole("listitem").count()).toBe(3);
    await page.getByRole("region", { name: "1 device could not read the policy, and keeps the one before" }).waitFor();
    await page.getByText("this agent (0.0.9) knows no mode quarantine").waitFor();
    const sources = page.getByRole("region", { name: "Whose word rules" });
    expect(await sources.getByRole("definition").allTextContents()).toEqual([
      expect.stringMatching(/^7 /),
      expect.stringMatching(/^2 /),
      expect.stringMatching(/^1 /),
    ]);
    await page.getByText("<b>\\xe2\\x80\\xaeforged</b>").waitFor();
    const history = page.getByRole("list", { name: "Published policies" });
    await history.getByRole("link", { name: "Policy 11" }).click();
    await page.getByRole("heading", { level: 1, name: "Policy 11" }).waitFor();
    expect(complaints).toEqual([]);
  });

  test("a ring that stepped back is turned on again with a reason", async () => {
    await page.goto(`${fixture.url}/policies`);
    await page.getByRole("button", { name: "Turn on again for canary" }).click();
    const dialog = page.getByRole("dialog", { name: "Turn canary on again?" });
    const turn = dialog.getByRole("button", { name: "Turn on again" });
    expect(await turn.isDisabled()).toBe(true);
    await dialog.getByLabel("Reason").fill("It was the new build.");
    expect(await violations(page)).toEqual([]);
    await turn.click();
    await dialog.waitFor({ state: "detached" });
    expect(fixture.given).toEqual([
      { path: "/api/v1/policies/rings", body: { group: "canary", why: "It was the new build." } },
    ]);
    await page.getByText(/turned on again by owner/).waitFor();
    expect(await page.getByText("Stepped back from block to warn.").count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test("a policy is published with five clicks: write, rehearse, a reason, what it would have stopped, publish", async () => {
    await page.goto(`${fixture.url}/policies`);
    await page.getByRole("link", { name: "Write the next policy" }).click();
    await expect.poll(() => words().inputValue()).toBe(fixtureYaml(13));
    expect(await publish().isDisabled()).toBe(true);
    await page.getByText("These very words have to be rehearsed first.").waitFor();
    await page.getByRole("button", { name: "Rehearse" }).click();
    const answer = page.getByRole("heading", { name: "It would have stopped 3 files." });
    await answer.waitFor();
    await expect.poll(() => answer.evaluate((element) => element.matches(":focus"))).toBe(true);
    await page.getByLabel("Reason").click();
    await page.keyboard.type("Canaries were quiet for a week");
    await page.getByText("What it would have stopped has to be read back.").waitFor();
    await page.getByRole("checkbox", { name: "I have seen that it would have stopped 3 files" }).click();
    await publish().click();
    await page.getByRole("heading", { level: 2, name: "Policy 13" }).waitFor();
    await page.getByText("Canaries were quiet for a week").first().waitFor();
    const body = { yaml: fixtureYaml(13) };
    expect(fixture.given).toEqual([
      { path: "/api/v1/policies/rehearsal", body: { ...body, days: 14 } },
      { path: "/api/v1/policies", body: { ...body, why: "Canaries were quiet for a week", seenStopped: 3 } },
    ]);
    expect(complaints).toEqual([]);
  });

  test("a rehearsal tells which files, where, why, and what changes; by its digest each file is looked up", async () => {
    await page.goto(`${fixture.url}/policies/draft?days=30`);
    await page.getByRole("button", { name: "Rehearse" }).click();
    const stopped = page.getByRole("list", { name: "Files it would have stopped" });
    await stopped.getByText("Nothing claims these bytes.").waitFor();
    await stopped.getByText(/^on build-07\.prague, .* and 2 more devices$/).waitFor();
    await stopped.getByText("117 times").waitFor();
    expect(await stopped.getByRole("link").first().getAttribute("href")).toBe(`/executables?digest=${"77".repeat(32)}`);
    const changed = page.getByRole("list", { name: "Files treated otherwise" });
    expect(await changed.getByRole("listitem").first().textContent()).toMatch(/^RecordbecomesBlock/);
    expect(
      await page
        .getByRole("list", { name: "Programs, scripts and libraries by what it does about them" })
        .getByRole("listitem")
        .allTextContents(),
    ).toEqual(["Allow 47,001", "Record 1,000", "Block 119"]);
    expect(fixture.given).toMatchObject([{ body: { days: 30 } }]);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await violations(page)).toEqual([]);
    }
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBeLessThanOrEqual(390);
    expect(complaints).toEqual([]);
  });

  test("words that were changed since have to be rehearsed again, and their lines are laid over the policy that holds", async () => {
    await page.goto(`${fixture.url}/policies/draft`);
    await page.getByRole("button", { name: "Rehearse" }).click();
    await page.getByRole("checkbox", { name: /^I have seen/ }).check();
    await page.getByLabel("Reason").fill("a try");
    expect(await publish().isEnabled()).toBe(true);
    await words().fill(fixtureYaml(13).replace("staff, mode: warn", "staff, mode: hold"));
    await page.getByText("The words were changed since.").waitFor();
    expect([await publish().isDisabled(), await page.getByRole("checkbox").count()]).toEqual([true, 0]);
    const differs = page.getByRole("table", { name: "Lines that differ from policy 12" });
    await differs.getByText("{ group: staff, mode: hold }").waitFor();
    expect(
      (await differs.getByRole("row").allTextContents())
        .map((row) => row.trim())
        .filter((row) => /added|taken/.test(row)),
    ).toEqual([
      "2−taken out: number: 12",
      "2+added: number: 13",
      "13−taken out:     - { group: staff, mode: warn }",
      "13+added:     - { group: staff, mode: hold }",
    ]);
    await page.getByRole("button", { name: "Begin again" }).click();
    await expect.poll(() => words().inputValue()).toBe(fixtureYaml(13));
    expect(complaints).toEqual([]);
  });

  test.each([
    ["a fault of its YAML", "number: 13\nmode: [\n", /at line 3/, 3, ""],
    [
      "a fault of its meaning",
      fixtureYaml(13).replace("files: 20", "files: zero"),
      /^gate\.stepBack\.files: /,
      14,
      "  stepBack: { files: zero, minutes: 10 }",
    ],
  ])("%s is told with its place, and the caret is put there", async (_name, yaml, why, line, chosen) => {
    await page.goto(`${fixture.url}/policies/draft`);
    await words().fill(yaml);
    await page.getByRole("button", { name: "Rehearse" }).click();
    const fault = page.getByRole("alert");
    await fault.getByText(why).waitFor();
    expect(await violations(page)).toEqual([]);
    await fault.getByRole("button", { name: `Go to line ${line}` }).click();
    expect(
      await words().evaluate((field: { value: string; selectionStart: number; selectionEnd: number }) =>
        field.value.slice(field.selectionStart, field.selectionEnd),
      ),
    ).toBe(chosen);
    expect([await publish().isDisabled(), complaints]).toEqual([true, []]);
  });

  test("a draft outlives a look at another page, and begins with an older policy where that is asked for", async () => {
    await page.goto(`${fixture.url}/policies/11`);
    await page.getByRole("link", { name: "Write the next one from it" }).click();
    expect(new URL(page.url()).search).toBe("?from=11");
    await expect.poll(() => words().inputValue()).toBe(fixtureYaml(11).replace("number: 11", "number: 13"));
    await words().fill("number: 13\nmode: record\n# half of a thought\n");
    await page.getByRole("link", { name: "Overview" }).click();
    await page.getByText("of what runs now has proof").waitFor();
    await page.goBack();
    await expect.poll(() => words().inputValue()).toBe("number: 13\nmode: record\n# half of a thought\n");
  });

  test.each(["analyst", "auditor"] as const)(
    "an %s reads and rehearses, and is told why the rest is not theirs",
    async (role) => {
      fixture.role = role;
      await page.goto(`${fixture.url}/policies`);
      expect(await page.getByRole("button", { name: "Turn on again for canary" }).isDisabled()).toBe(true);
      const why =
        role === "analyst" ? "What concerns every device is for the owner." : "An auditor reads, and changes nothing.";
      await page.getByText(why).first().waitFor();
      await page.getByRole("link", { name: "Write the next policy" }).click();
      await page.getByRole("button", { name: "Rehearse" }).click();
      await page.getByRole("heading", { name: "It would have stopped 3 files." }).waitFor();
      await page.getByText(why).waitFor();
      expect([await publish().isDisabled(), await page.getByLabel("Reason").isDisabled()]).toEqual([true, true]);
      expect(await violations(page)).toEqual([]);
      expect(complaints).toEqual([]);
    },
  );

  test("a fleet without a policy is given one to begin with, which is readable", async () => {
    fixture.empty = true;
    await page.goto(`${fixture.url}/policies`);
    await page.getByText("No policy is published").waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("link", { name: "Write the first policy" }).click();
    await page.getByRole("button", { name: "Rehearse" }).click();
    await page.getByText("It would have stopped 3 files.").waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test("a ring that steps back while the page is open is shown without asking", async () => {
    await page.goto(`${fixture.url}/policies`);
    await page.getByText("Live", { exact: true }).waitFor();
    const before = fixture.asked.filter((path) => path === "/api/v1/policies").length;
    fixture.publish({ topic: "policies", changed: 1, at: Date.now() });
    await expect
      .poll(() => fixture.asked.filter((path) => path === "/api/v1/policies").length, { timeout: 10_000 })
      .toBe(before + 1);
  });
});

test("the policy to begin with is rehearsed and published by a real server", async () => {
  const world = await openWorld({});
  try {
    const { policies } = world.parts;
    expect(await policies.rehearse(starterPolicy, 14)).toMatchObject({ ok: true, stoppedFiles: 0 });
    expect(policies.publish({ yaml: starterPolicy, why: "a beginning", seenStopped: 0 }, "owner")).toBe(1);
    expect(policies.detail(1)?.rings).toEqual([{ group: "", mode: "record", now: "record", devices: 0 }]);
  } finally {
    await world.close();
  }
});

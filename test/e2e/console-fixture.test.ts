import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { beforeEach, describe, expect, test } from "vitest";
import { consoleInBrowser, dist, program, violations } from "../support/console-browser.ts";
import type { ConsoleFixture } from "../support/console-fixture.ts";

const purl = "/package?purl=pkg%3Adeb%2Fdebian%2Fbash%405.2.0-2%252Bb8%3Farch%3Damd64";
const pages = [
  ["Overview", "/", "of what runs now has proof"],
  ["Devices", "/devices", "build-07.prague"],
  ["Device", "/devices/dev_0", "What it cannot see"],
  ["Executables", "/executables", "100,000 files"],
  ["a refuted executable", "/executables/exe_0", "Contradicted link: file"],
  ["a hostile executable", "/executables/exe_3", "xe2"],
  ["a very long path", "/executables/exe_5", "Identity"],
  ["Incidents queue", "/incidents", "1 incident"],
  ["Incident page", "/incidents/inc_fixture", "Processes"],
  ["a closed incident", "/incidents/inc_closed", "Closed by owner"],
  ["Packages", "/packages", "900 packages"],
  ["Package", purl, "Installed on"],
  ["Gate", "/decisions", "600 decisions"],
  ["Findings", "/findings", "8 findings"],
  ["Approvals", "/approvals", "7 requests"],
  ["Policies", "/policies", "Whose word rules"],
  ["a published policy", "/policies/12", "Its words"],
  ["a draft of a policy", "/policies/draft", "Before it rules anybody"],
  ["Audit", "/audit", "240 entries"],
  ["an entry of the audit", "/audit#240", "Entry 240"],
  ["no such page", "/nothing/here", "There is no such page"],
] as const;

describe.skipIf(program === undefined)("the console against made-up answers", () => {
  const scene = consoleInBrowser(100_000);
  let fixture: ConsoleFixture;
  let page: Page;
  let complaints: string[];
  beforeEach(() => {
    ({ fixture, page, complaints } = scene());
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

  test.each(pages.slice(0, -1))("%s fits a phone without scrolling sideways", async (_name, path, words) => {
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

  test.each(pages.slice(0, -1))("%s shows the server's reason and code when it refuses", async (_name, path) => {
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
    ["Incidents", "/incidents", "No incident matches"],
    ["Packages", "/packages", "No package matches"],
    ["Gate", "/decisions", "No decision matches"],
    ["Findings", "/findings", "No finding matches"],
    ["Approvals", "/approvals", "No request matches"],
    ["Audit", "/audit", "No entry matches"],
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
    await dialog.locator("code").filter({ hasText: "pvt1.4Zc9s0m3t0k3n" }).first().waitFor();
    await dialog.getByText(/Works once, until/).waitFor();
    await dialog.getByRole("button", { name: "Copy", exact: true }).waitFor();
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

  test("what gates stopped is counted on Overview, each number a way to its list", async () => {
    await page.goto(fixture.url);
    const line = page.getByRole("region", { name: "Gate" });
    await line.getByRole("link", { name: /device not watched now/ }).click();
    await page.getByText("1 finding", { exact: true }).waitFor();
    expect(new URL(page.url()).search).toBe("?open=true");
    await page.goBack();
    await line.getByRole("link", { name: /requests wait/ }).click();
    await page.getByText("5 requests", { exact: true }).waitFor();
    expect(await page.getByRole("button", { name: /^Decide about/ }).count()).toBe(5);
    expect(complaints).toEqual([]);
  });

  test("decisions are narrowed in the address, and all that is known of one opens in a drawer", async () => {
    await page.goto(`${fixture.url}/decisions`);
    await page.getByRole("button", { name: "Held" }).click();
    await expect.poll(() => new URL(page.url()).search).toBe("?outcome=held");
    await page.getByRole("button", { name: "Use", exact: true }).click();
    await page.getByRole("checkbox", { name: "Run as a script" }).check();
    await expect.poll(() => new URL(page.url()).search).toBe("?outcome=held&access=script");
    await page.keyboard.press("Escape");
    const open = page.getByRole("button", { name: /^All that is known/ }).first();
    await open.focus();
    await page.keyboard.press("Enter");
    const drawer = page.getByRole("dialog");
    await drawer.getByText(/^provost why [0-9a-f]{6}$/).waitFor();
    await drawer.getByText("Held", { exact: true }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await drawer.waitFor({ state: "detached" });
    expect(await open.evaluate((element) => element.matches(":focus"))).toBe(true);
    expect(complaints).toEqual([]);
  });

  test("a device's page says first that it is silent, and what its tier cannot stop", async () => {
    await page.goto(`${fixture.url}/devices/dev_3`);
    const findings = page.getByRole("region", { name: "This device is not watched now" });
    await findings.getByText("Silent", { exact: true }).waitFor();
    await findings.getByText(/Open for/).waitFor();
    await page.goto(`${fixture.url}/devices/dev_2`);
    const gate = page.getByRole("region", { name: "Gate", exact: true });
    await gate.getByText(/rewritten between its check and its start/).waitFor();
    await gate.getByText("mmap_file: Operation not permitted").waitFor();
    await page.getByRole("region", { name: "Stopped and judged" }).getByRole("listitem").first().waitFor();
    expect(
      await page
        .getByText(/txt\.sh/)
        .first()
        .textContent(),
    ).toContain("\\xe2\\x80\\xaetxt.sh");
  });

  test("an order goes out once it was read, confirmed and given a reason", async () => {
    await page.goto(`${fixture.url}/incidents/inc_fixture`);
    await page.getByRole("button", { name: "Quarantine /tmp/jsextension" }).click();
    const dialog = page.getByRole("dialog", { name: "Quarantine /tmp/jsextension" });
    await dialog.getByText("Put /tmp/jsextension back with its owner, mode, attributes and times").waitFor();
    const give = dialog.getByRole("button", { name: "Give the order" });
    await dialog.getByLabel("Reason").fill("It is not ours.");
    expect(await give.isDisabled()).toBe(true);
    await dialog.getByRole("checkbox").check();
    expect(await violations(page)).toEqual([]);
    await give.click();
    await dialog.waitFor({ state: "detached" });
    expect(fixture.given.at(-1)).toMatchObject({
      path: "/api/v1/commands",
      body: {
        scope: { kind: "device", device: "dev_0" },
        order: { action: "quarantine-file", path: "/tmp/jsextension" },
        incident: "inc_fixture",
        reason: "It is not ours.",
        confirmed: true,
      },
    });
    expect(complaints).toEqual([]);
  });

  test("orders are told by icon and word, one that waits is cancelled, and an undo has no way back to tell of", async () => {
    await page.goto(`${fixture.url}/incidents/inc_fixture`);
    const orders = page.getByRole("list", { name: "Orders" });
    await orders.getByText("Failed", { exact: true }).first().waitFor();
    await orders.getByText("nft: could not process rule").waitFor();
    await orders.getByRole("button", { name: "Cancel" }).click();
    await expect.poll(() => fixture.given.map(({ path }) => path)).toEqual(["/api/v1/commands/cmd_3/cancel"]);
    await page.getByRole("button", { name: "Kill" }).first().click();
    await page.getByRole("dialog").getByText("Cannot be undone").waitFor();
    await page.keyboard.press("Escape");
    await orders.getByRole("button", { name: "Undo" }).click();
    const dialog = page.getByRole("dialog", { name: "Undo: Quarantine /tmp/jsextension" });
    await dialog.getByText("Put /tmp/jsextension back with its owner").waitFor();
    expect(await dialog.getByText("Cannot be undone").count()).toBe(0);
    expect(await violations(page)).toEqual([]);
  });

  test("an order for the whole fleet says how many devices it reaches", async () => {
    await page.goto(`${fixture.url}/executables/exe_20`);
    await page.getByRole("button", { name: "Block these bytes on every device" }).click();
    await page.getByText("The whole fleet: 10 devices are given this order.").waitFor();
    expect(await violations(page)).toEqual([]);
  });

  test("a process is killed from its line, by the mouse and by the keyboard", async () => {
    await page.goto(`${fixture.url}/devices/dev_0`);
    await page.getByRole("button", { name: "Kill process 318 and what it started" }).click();
    const dialog = page.getByRole("dialog", { name: "Kill /usr/bin/python3.11 (318) and what it started" });
    await dialog.getByLabel("Reason").fill("It is not ours.");
    await dialog.getByRole("button", { name: "Give the order" }).click();
    await dialog.waitFor({ state: "detached" });
    expect(fixture.given.at(-1)?.body).toMatchObject({
      scope: { kind: "device", device: "dev_0" },
      order: { action: "kill-process-tree", process: { pid: 318, startedAt: "1120000000000" } },
    });
    await page.getByRole("treeitem").first().focus();
    await page.keyboard.press("Delete");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Delete");
    await dialog.waitFor();
    expect(await violations(page)).toEqual([]);
  });

  test("an executable's page has the orders about its bytes, each with its device", async () => {
    await page.goto(`${fixture.url}/executables/exe_20`);
    const orders = page.getByRole("region", { name: "Orders" });
    await orders.getByRole("link", { name: "build-07.prague" }).first().waitFor();
    expect(await violations(page)).toEqual([]);
  });

  test("an incident is closed with a reason, and open ones are counted on Overview", async () => {
    await page.goto(fixture.url);
    await page.getByRole("region", { name: "Incidents" }).getByRole("link", { name: "1 critical" }).click();
    expect(new URL(page.url()).search).toBe("?state=open&severity=critical");
    await page.goto(`${fixture.url}/incidents/inc_fixture`);
    await page.getByLabel("Why").fill("A build of ours.");
    await page.getByRole("button", { name: "Close", exact: true }).click();
    await expect
      .poll(() => fixture.given)
      .toEqual([{ path: "/api/v1/incidents/inc_fixture/state", body: { state: "closed", why: "A build of ours." } }]);
  });

  test("new decisions of a device are offered, not pushed", async () => {
    await page.goto(`${fixture.url}/devices/dev_0`);
    const panel = page.getByRole("region", { name: "Stopped and judged" });
    await panel.getByRole("listitem").first().waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    fixture.publish({ topic: "decisions", device: "dev_1", changed: 9, at: Date.now() });
    fixture.publish({ topic: "decisions", device: "dev_0", changed: 3, at: Date.now() });
    await panel.getByRole("button", { name: /^3 new/ }).click();
    await panel.getByRole("button", { name: /^3 new/ }).waitFor({ state: "detached" });
    expect(await violations(page)).toEqual([]);
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

  test("Ctrl-K finds an incident by what it tells", async () => {
    await page.goto(fixture.url);
    await page.getByText("of what runs now has proof").waitFor();
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill("ua-parser-js");
    await page
      .getByRole("option", { name: /^incident/ })
      .first()
      .waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: /ua-parser-js/ }).waitFor();
    expect(new URL(page.url()).pathname).toBe("/incidents/inc_fixture");
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

const focusedRow = (page: Page): Promise<string | null> =>
  page.evaluate("document.activeElement?.closest('[data-row]')?.getAttribute('data-row') ?? null");

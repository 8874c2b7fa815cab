import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newSignInLink } from "../../server/api/login.ts";
import { IncidentQuery, RequestQuery } from "../../shared/protocol/api.ts";
import { buildConsole, dist, openBrowser, program, violations } from "../support/console-browser.ts";
import type { GatedAgent } from "../support/gated-agent.ts";
import { installPrograms, runInside, startGatedAgent } from "../support/gated-agent.ts";
import type { GateRoot } from "../support/gate-root.ts";
import { cannotGate, makeGateRoot } from "../support/gate-root.ts";
import type { Sensor } from "../support/gate-sensor.ts";
import { cannotSense, endChild, startSensor } from "../support/gate-sensor.ts";
import { agentAddress } from "../support/raw-agent.ts";
import { openWorld, until } from "../support/server-world.ts";
import type { World } from "../support/server-world.ts";

const why = cannotGate() ?? cannotSense() ?? (program === undefined ? "no chromium on the PATH" : undefined);
const top = join(import.meta.dirname, "../..");
const patience = 30_000;
/** What the word *Verified* of a whole order says; its steps have the word alone. */
const looked = "The device looked afterwards, and it is so.";

/** An analyst's clicks in a real browser against a real server, agent and sensor. */
describe.skipIf(why !== undefined)(
  `what a person does in the console${why === undefined ? "" : ` (skipped: ${why})`}`,
  () => {
    let root: GateRoot;
    let sensor: Sensor | undefined;
    let agent: GatedAgent | undefined;
    let world: World;
    let browser: Browser;
    let page: Page;
    const complaints: string[] = [];

    /** Another daemon over the same state: as its owner sets it up anew. */
    async function startAgent(mode: "record" | "block"): Promise<void> {
      await agent?.stop();
      agent = startGatedAgent(root, sensor?.socket ?? "", {
        mode,
        server: agentAddress(world.address),
        name: "watched",
        token: world.token(),
      });
      await agent.heard(({ kind }) => kind === "scanned" || kind === "failed");
      await until(() => world.edge.online.size === 1, "the session", patience);
    }

    beforeAll(async () => {
      buildConsole();
      world = await openWorld({ consoleFolder: dist });
      root = makeGateRoot(tmpdir(), 200);
      const folder = join(root.path, "srv/node_modules/simlib");
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(
        join(root.path, "usr/bin/npm"),
        "#!/bin/sh\ncd /srv/node_modules/simlib\nsh -c 'sh ./preinstall.sh'\n",
        { mode: 0o755 },
      );
      installPrograms(
        root,
        ["cat", "chmod", "sleep", "true"].map((name): [string, string] => [`/bin/${name}`, `/usr/bin/${name}`]),
      );
      installPrograms(root, [["/bin/dash", "/usr/bin/sh"]]);
      fs.copyFileSync("/bin/sleep", join(folder, "payload"));
      fs.appendFileSync(join(folder, "payload"), "not what Debian signed");
      fs.writeFileSync(
        join(folder, "preinstall.sh"),
        "cat payload > /tmp/jsextension\nchmod +x /tmp/jsextension\n/tmp/jsextension 60\n",
      );
      sensor = await startSensor(root, { tier: "B" });
      await startAgent("record");
      browser = await openBrowser();
      page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
      page.setDefaultTimeout(patience);
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
      await page.goto(newSignInLink(world.parts));
    });
    afterAll(async () => {
      await browser?.close();
      await agent?.stop();
      if (sensor !== undefined) await endChild(sensor.child);
      root?.remove();
      await world?.close();
    });

    /** Where somebody wants to look at what was drawn, at two widths. */
    async function picture(name: string): Promise<void> {
      const folder = process.env["PROVOST_PICTURES"];
      if (folder === undefined) return;
      for (const width of [1440, 390]) {
        await page.setViewportSize({ width, height: 900 });
        await page.screenshot({ path: join(folder, `${name}-${width}.png`), fullPage: true });
      }
      await page.setViewportSize({ width: 1440, height: 900 });
    }
    const orders = () => page.getByRole("list", { name: "Orders" }).getByRole("listitem");
    const orderOf = (words: RegExp) =>
      page.getByRole("list", { name: "Orders" }).locator("> li").filter({ hasText: words });
    async function give(button: RegExp, confirm = false): Promise<void> {
      await page.getByRole("button", { name: button }).first().click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Reason").fill("It is not ours.");
      if (confirm) await dialog.getByRole("checkbox").check();
      await dialog.getByRole("button", { name: "Give the order" }).click();
      await dialog.waitFor({ state: "detached" });
    }

    test("an incident appears in the queue, and is contained with preview, progress and undo", async () => {
      await page.goto(`${world.address}/incidents`);
      await page.getByText("Live", { exact: true }).waitFor();
      void runInside(root, "/usr/bin/npm install simlib");
      await page.getByRole("button", { name: /^\d+ new/ }).click();
      await page
        .getByRole("link", { name: /simlib/ })
        .first()
        .click();
      await page.getByRole("heading", { name: /dropped and ran/ }).waitFor();
      await page
        .getByText(/never before on this fleet/)
        .first()
        .waitFor();
      await picture("incident");
      const sealed = join(root.path, "tmp/jsextension");
      const before = fs.statSync(sealed);
      await give(/^Kill /);
      await orderOf(/^Kill/).getByTitle(looked).waitFor();
      expect(fs.readFileSync(join(root.cgroup, "cgroup.procs"), "utf8")).toBe("");
      await give(/^Quarantine /);
      await orderOf(/^Quarantine/)
        .getByTitle(looked)
        .waitFor();
      expect(fs.existsSync(sealed)).toBe(false);
      await picture("incident-contained");
      // However long the paths in it are, it fits a phone.
      await page.setViewportSize({ width: 390, height: 844 });
      expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBeLessThanOrEqual(390);
      await page.setViewportSize({ width: 1440, height: 900 });
      expect(await violations(page)).toEqual([]);
      await orderOf(/^Quarantine/)
        .getByRole("button", { name: "Undo" })
        .click();
      const dialog = page.getByRole("dialog", { name: /^Undo: Quarantine/ });
      await dialog.getByLabel("Reason").fill("It was a test.");
      await dialog.getByRole("button", { name: "Give the order" }).click();
      await orderOf(/^Quarantine/)
        .getByTitle("It was taken back, and the device looked.")
        .waitFor();
      const after = fs.statSync(sealed);
      expect([after.ino, after.mode, after.uid, after.mtimeMs]).toEqual([
        before.ino,
        before.mode,
        before.uid,
        before.mtimeMs,
      ]);
    });

    test.each(["incident", "device"] as const)(
      "a triage bundle is ordered on the page of the %s, and downloaded there",
      async (where) => {
        const [incident] = world.parts.store.incidents.incidents(IncidentQuery.parse({})).rows;
        await page.goto(
          where === "incident"
            ? `${world.address}/incidents/${incident?.id}`
            : `${world.address}/devices/${incident?.device}`,
        );
        const earlier = await orders().count();
        await give(/^Collect a triage bundle/);
        await expect.poll(() => orders().count(), { timeout: patience }).toBeGreaterThan(earlier);
        const order = orderOf(/^Collect a triage bundle/).first();
        await order.getByTitle(looked).waitFor();
        const coming = page.waitForEvent("download");
        await order.getByRole("link", { name: /^Bundle, / }).click();
        const download = await coming;
        expect(download.suggestedFilename()).toMatch(/^provost-triage-dev_\w+-.*\.json\.gz$/);
        const bytes = fs.readFileSync((await download.path()) ?? "");
        const title = await order.getByRole("link", { name: /^Bundle, / }).getAttribute("title");
        expect(title).toBe(`SHA-256 ${createHash("sha256").update(bytes).digest("hex")}`);
        expect(JSON.parse(gunzipSync(bytes).toString())).toMatchObject({ device: incident?.device });
        await picture(`triage-${where}`);
      },
    );

    const provost = (...words: readonly string[]): Promise<string> =>
      new Promise((resolve) => {
        const command = [join(top, "agent/provost.ts"), ...words, "--state", agent?.folder ?? ""];
        const env = { ...process.env, PROVOST_CONTROL: agent?.control };
        execFile(process.execPath, ["--disable-warning=ExperimentalWarning", ...command], { env }, (_error, out) =>
          resolve(out),
        );
      });
    /** A program that nothing claims, stopped and asked for. */
    async function asked(name: string, reason: string): Promise<string> {
      const file = join(root.path, "tmp", name);
      fs.copyFileSync("/bin/true", file);
      fs.appendFileSync(file, name);
      const { terminal, code } = await runInside(root, `/tmp/${name}`);
      expect(code).not.toBe(0);
      await provost("request", /provost request ([0-9a-f]{6,12})/.exec(terminal)?.[1] ?? "", "--reason", reason);
      await until(
        () => world.parts.store.gate.requests(RequestQuery.parse({})).rows.find((row) => row.reason === reason),
        "the request",
        patience,
      );
      return `/tmp/${name}`;
    }

    test("what somebody asks for is decided on the page Approvals; approved, it runs within two seconds of the click", async () => {
      await startAgent("block");
      const path = await asked("own-build", "my own build, for the release");
      await page.goto(`${world.address}/approvals?waiting=true`);
      await page.getByText("1 request", { exact: true }).waitFor();
      await picture("approvals");
      expect(await violations(page)).toEqual([]);
      // What comes meanwhile is offered.
      const other = await asked("someone-elses", "found it in the mail");
      await page.getByRole("button", { name: /^\d+ new/ }).click();
      await page.getByText("2 requests", { exact: true }).waitFor();
      const row = (name: string) => page.getByRole("row").filter({ hasText: name });
      await row("own-build")
        .getByRole("button", { name: /^Decide about/ })
        .click();
      const dialog = page.getByRole("dialog", { name: "May own-build run?" });
      await dialog.getByText("“my own build, for the release”").waitFor();
      // No pass has met it yet: what the gate made of it.
      await dialog.getByText("Unproven", { exact: true }).waitFor();
      // No pass has met it yet: what the gate made of it.
      await dialog.getByText("Unproven").waitFor();
      await dialog.getByLabel("Reason").fill("I know it.");
      await picture("approvals-dialog");
      expect(await violations(page)).toEqual([]);
      const clicked = performance.now();
      await dialog.getByRole("button", { name: "Approve" }).click();
      while ((await runInside(root, path)).code !== 0) expect(performance.now() - clicked).toBeLessThan(patience);
      expect(performance.now() - clicked).toBeLessThan(2000);
      await page.getByText("1 request", { exact: true }).waitFor();
      await row("someone-elses")
        .getByRole("button", { name: /^Decide about/ })
        .click();
      await page.getByRole("dialog").getByLabel("Reason").fill("Nobody knows it.");
      await page.getByRole("dialog").getByRole("button", { name: "Deny" }).click();
      await page.getByText("No request matches").waitFor();
      expect((await runInside(root, other)).code).not.toBe(0);
      await page.goto(`${world.address}/approvals`);
      await row("someone-elses").getByText("Denied", { exact: true }).waitFor();
      await row("own-build")
        .getByText(/^(?:Approved|Ran since)$/)
        .waitFor();
      await picture("approvals-answered");
      await row("own-build")
        .getByRole("button", { name: /^Details of/ })
        .click();
      await page.getByRole("dialog").getByText("I know it.").waitFor();
      await picture("approvals-details");
      expect(complaints).toEqual([]);
    });
  },
);

import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LiveEvent, Problem } from "@provost/shared/protocol/api.ts";
import { openWorld, until } from "../../test/support/server-world.ts";
import type { World } from "../../test/support/server-world.ts";
import { openLive } from "./live.ts";
import { newSignInLink } from "./login.ts";

let world: World;
let cookie: string;
beforeAll(async () => {
  world = await openWorld();
  const answer = await fetch(newSignInLink(world.parts), { redirect: "manual" });
  cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? "";
});
afterAll(() => world.close());

async function ask(path: string): Promise<{ readonly status: number; readonly body: string }> {
  const answer = await fetch(world.address + path, { headers: { cookie } });
  return { status: answer.status, body: await answer.text() };
}

describe("live events", () => {
  test("reach a page that is signed in, gathered", async () => {
    const { hostname, port } = new URL(world.address);
    let heard = "";
    const sent = request({ hostname, port, path: "/api/v1/live", headers: { cookie } }, (answer) => {
      expect(answer.headers["content-type"]).toBe("text/event-stream");
      answer.on("data", (chunk: Buffer) => (heard += chunk.toString()));
      answer.on("error", () => undefined);
    });
    sent.on("error", () => undefined);
    sent.end();
    await until(() => heard.includes("retry"), "the stream");
    for (let at = 0; at < 1000; at += 1) world.parts.live.changed("executables", "dev_gathered", 2);
    await until(() => heard.includes("dev_gathered"), "an event");
    const lines = heard.split("\n").filter((line) => line.startsWith("data:"));
    const events = lines.map((line) => LiveEvent.parse(JSON.parse(line.slice(5))));
    expect(events.find((event) => event.device === "dev_gathered")).toMatchObject({
      changed: 2000,
      topic: "executables",
    });
    sent.destroy();
    await until(() => world.parts.live.subscribers === 0, "the end of the subscription");
  });

  test("a reader that does not read is dropped, and the others hear on", async () => {
    const { hostname, port } = new URL(world.address);
    const sent = request({ hostname, port, path: "/api/v1/live", headers: { cookie } }, (answer) => {
      answer.on("error", () => undefined);
      answer.pause();
    });
    sent.on("error", () => undefined);
    sent.end();
    await until(() => world.parts.live.subscribers === 1, "the subscription");
    await until(
      () => {
        // Many topics of many devices: each half second a line for every one.
        for (let at = 0; at < 20_000; at += 1) world.parts.live.changed("running", `${"d".repeat(100)}${at}`, 1);
        return world.parts.live.subscribers === 0;
      },
      "the slow reader's end",
      20_000,
    );
    sent.destroy();
    expect((await ask("/api/v1/session")).status).toBe(200);
  }, 30_000);

  test("the page after the five hundredth is told that there are too many", async () => {
    const stops = Array.from({ length: 500 }, () => world.parts.live.subscribe(() => undefined));
    const answer = await ask("/api/v1/live");
    expect([answer.status, Problem.parse(JSON.parse(answer.body)).code]).toEqual([429, "LIMIT"]);
    for (const stop of stops) stop();
  });

  test("nothing is told when nothing changed", async () => {
    const feed = openLive(() => 1);
    const lines: string[] = [];
    feed.subscribe((line) => lines.push(line));
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(lines).toEqual([]);
    feed.close();
  });
});

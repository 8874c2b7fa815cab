import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { readChain } from "@provost/shared/lib/chain.ts";
import type { ChainedEntry } from "@provost/shared/lib/chain.ts";
import { auditHeadText } from "@provost/shared/model/audit-head.ts";
import type { AuditHead } from "@provost/shared/model/audit-head.ts";
import { Audit, AuditChain, Problem } from "@provost/shared/protocol/api.ts";
import { enrolled } from "../../test/support/raw-agent.ts";
import { openWorld } from "../../test/support/server-world.ts";
import type { World } from "../../test/support/server-world.ts";
import { keyName, verifyWith } from "../edge/keys.ts";
import { newSignInLink } from "./login.ts";

let world: World;
let cookie: string;
beforeAll(async () => {
  world = await openWorld();
  cookie = await signIn();
});
afterAll(() => world.close());

async function signIn(): Promise<string> {
  const answer = await fetch(newSignInLink(world.parts), { redirect: "manual" });
  return answer.headers.get("set-cookie")?.split(";")[0] ?? "";
}
const ask = (path: string, headers: Record<string, string> = { cookie }) =>
  fetch(`${world.address}/api/v1/${path}`, { headers });
const entries = async (query = "") => Audit.parse(await (await ask(`audit${query}`)).json()).rows;

interface Exported {
  readonly head: AuditHead;
  readonly signature: string;
  readonly entries: readonly ChainedEntry[];
}
async function exported(query = ""): Promise<Exported> {
  const [first = "", ...rest] = (await (await ask(`audit/export${query}`)).text()).trimEnd().split("\n");
  return {
    ...(JSON.parse(first) as Pick<Exported, "head" | "signature">),
    entries: rest.map((line) => JSON.parse(line) as ChainedEntry),
  };
}

describe("what is done at the server", () => {
  test("stands in the audit with who did it", async () => {
    const csrf = ((await (await ask("session")).json()) as { csrf: string }).csrf;
    await fetch(`${world.address}/api/v1/enrolment-tokens`, { method: "POST", headers: { cookie, "x-csrf": csrf } });
    const { device } = await enrolled(world.address, world.token());
    const other = await signIn();
    const theirs = ((await (await ask("session", { cookie: other })).json()) as { csrf: string }).csrf;
    await fetch(`${world.address}/api/v1/session/end`, {
      method: "POST",
      headers: { cookie: other, "x-csrf": theirs },
    });
    const done = (await entries("?sort=sequence")).map(({ kind, by, says }) => [kind, by, says]);
    expect(done.filter(([kind]) => kind !== "trust")).toEqual([
      ["sign-in", "owner", "Signed in by a link"],
      ["token", "owner", "Made an enrolment token for one device"],
      ["device", device.id, "Enrolled with a token, as raw"],
      ["sign-in", "owner", "Signed in by a link"],
      ["sign-in", "owner", "Signed out"],
    ]);
  });

  test("is one chain, and the server says so with its key's name", async () => {
    const state = AuditChain.parse(await (await ask("audit/chain")).json());
    const [newest] = await entries();
    expect(state).toEqual({
      whole: true,
      entries: newest?.sequence,
      last: newest?.hash,
      key: keyName(world.parts.store.access.serverKey().publicKey),
    });
  });

  test("is not done where it cannot be written", async () => {
    const append = vi.spyOn(world.parts.store.audit, "append").mockImplementation(() => {
      throw new Error("database or disk is full");
    });
    const before = world.parts.trusted.record().version;
    const { version: _own, ...document } = JSON.parse(world.parts.trusted.record().document) as Record<string, unknown>;
    const link = newSignInLink(world.parts);
    try {
      expect((await fetch(link, { redirect: "manual" })).status).toBe(500);
      expect(() => world.parts.trusted.publish({ ...document, revocations: [] }, "eve", "quietly")).toThrow(/full/);
      expect((await ask("audit/export")).status).toBe(500);
    } finally {
      append.mockRestore();
    }
    expect(world.parts.trusted.record().version).toBe(before);
    expect((await fetch(link, { redirect: "manual" })).headers.get("location")).toBe("/");
  });
});

describe("an export", () => {
  test("is the chain below a head that the server's key signed, and is its own last entry", async () => {
    const { head, signature, entries: all } = await exported();
    expect(verifyWith(head.key, Buffer.from(auditHeadText(head)), signature)).toBe(true);
    expect(head.key).toBe(world.parts.store.access.serverKey().publicKey);
    const chain = readChain(head.before, head.first);
    expect(all.map((entry) => chain.next(entry))).toEqual(all.map(() => undefined));
    expect([chain.count, chain.last, head.by]).toEqual([head.entries, head.last, "owner"]);
    expect(all.at(-1)).toMatchObject({ kind: "export", by: "owner", says: "Exports the audit" });
  });

  test("of a time is a stretch of it, and the audit says which", async () => {
    const { entries: all } = await exported();
    const from = all[2]?.at ?? 0;
    const part = await exported(`?from=${from}`);
    expect(part.head.before).toBe(all[part.head.first - 2]?.hash);
    expect(part.entries.every(({ at }) => at >= from)).toBe(true);
    expect(part.entries.at(-1)?.facts).toEqual({ from: new Date(from).toISOString() });
    expect((await exported("?to=1")).head).toMatchObject({ entries: 0, first: 0 });
  });

  test.each(["from=x", "from=-1", "to=1.5", "to=1e300", "from=9007199254740991", "to=now", "from=1&from=2"])(
    "is not made for %s",
    async (query) => {
      const answer = await ask(`audit/export?${query}`);
      expect([answer.status, Problem.parse(await answer.json()).code]).toEqual([400, "CONFIG_INVALID"]);
    },
  );

  test("is for who is signed in, and only asked for by GET", async () => {
    expect((await ask("audit/export", {})).status).toBe(401);
    expect((await fetch(`${world.address}/api/v1/audit/export`, { method: "HEAD", headers: { cookie } })).status).toBe(
      404,
    );
  });

  test("of 100,000 entries comes whole, and the server reads no further than somebody takes", async () => {
    const { store } = world.parts;
    store.inventory.transaction(() => {
      for (let n = 0; n < 100_000; n += 1)
        store.audit.append({
          at: Date.now(),
          kind: "command",
          by: "policy automatic",
          says: `Ordered: Block files with the digest ${n}`,
          facts: { command: `cmd_${n}`, reason: "seen in an incident ".repeat(5) },
        });
    });
    let read = 0;
    const real = { ...store.audit };
    const counted = vi.spyOn(store.audit, "entries").mockImplementation(function* (stretch) {
      for (const entry of real.entries(stretch)) {
        read += 1;
        yield entry;
      }
    });
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request(`${world.address}/api/v1/audit/export`, { headers: { cookie } }, resolve).on("error", reject).end();
    });
    // Nobody takes any of it: the buffers of the sockets fill, and the server waits.
    let unread: number;
    do {
      unread = read;
      await new Promise((resolve) => setTimeout(resolve, 300));
    } while (read > unread);
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan(50_000);

    let chain: ReturnType<typeof readChain> | undefined;
    let head: AuditHead | undefined;
    const faults: string[] = [];
    for await (const line of createInterface({ input: answer }))
      if (chain === undefined) {
        ({ head } = JSON.parse(line) as { head: AuditHead });
        chain = readChain(head.before, head.first);
      } else faults.push(chain.next(JSON.parse(line) as ChainedEntry) ?? "");
    counted.mockRestore();
    expect([chain?.count, chain?.last, new Set(faults)]).toEqual([head?.entries, head?.last, new Set([""])]);
    expect(chain?.count).toBeGreaterThan(100_000);
  }, 180_000);
});

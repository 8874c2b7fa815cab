import { api } from "@provost/shared/protocol/api.ts";
import { afterEach, expect, test, vi } from "vitest";
import { addressFor, call, evidenceLimit, fetchEvidence, routes } from "./call.ts";
import { CallFailure, failureFrom, worthRetrying } from "./failure.ts";

afterEach(() => vi.unstubAllGlobals());

test("every address and method is the one of the API's table", () => {
  const table = Object.entries(api).map(([name, { method, path }]) => [name, { method, path }]);
  expect(routes).toEqual(Object.fromEntries(table));
});

test.each([
  ["an id", addressFor("device", { id: "dev_1" }), "/api/v1/devices/dev_1"],
  [
    "an id that would leave its folder",
    addressFor("device", { id: "../session?x#y" }),
    "/api/v1/devices/..%2Fsession%3Fx%23y",
  ],
  ["a question", addressFor("search", { query: { q: "a&b=c" } }), "/api/v1/search?q=a%26b%3Dc"],
  ["what is not asked", addressFor("executables", { query: { q: "", cursor: undefined } }), "/api/v1/executables"],
])("%s is written into the address", (_name, got, wanted) => {
  expect(got).toBe(wanted);
});

test.each([
  ["a Problem", '{"title":"Gone","status":410,"detail":"It left.","code":"NOT_FOUND"}', "NOT_FOUND", "It left."],
  ["a page of a proxy", "<html>Bad gateway</html>", "HTTP_502", "The server answered 502 and gave no reason."],
  ["an empty body", "", "HTTP_502", "The server answered 502 and gave no reason."],
  ["JSON that is no Problem", "[1]", "HTTP_502", "The server answered 502 and gave no reason."],
  ["wrong types", '{"detail":7,"code":{}}', "HTTP_502", "The server answered 502 and gave no reason."],
])("%s becomes a failure a person can read", (_name, body, code, words) => {
  const failure = failureFrom(502, body);
  expect([failure.code, failure.message]).toEqual([code, words]);
});

test("a server that is away has its own code, and is asked again twice", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  const failure = await call("overview").catch((error: unknown) => error);
  expect(failure).toMatchObject({ status: 0, code: "SERVER_UNREACHABLE" });
  expect([worthRetrying(0, failure), worthRetrying(2, failure)]).toEqual([true, false]);
});

test("a refusal is not asked again", () => {
  expect(worthRetrying(0, failureFrom(401, ""))).toBe(false);
  expect(worthRetrying(0, new Error("a bug"))).toBe(false);
  expect(worthRetrying(0, failureFrom(503, ""))).toBe(true);
});

test("a question that was called off stays called off", async () => {
  const stop = new AbortController();
  vi.stubGlobal("fetch", (_address: string, init: RequestInit) => {
    stop.abort();
    return Promise.reject(init.signal?.reason as Error);
  });
  const failure = await call("overview", { signal: stop.signal }).catch((error: unknown) => error);
  expect(failure).not.toBeInstanceOf(CallFailure);
});

test("a POST carries the session's token and the cookie of this origin alone", async () => {
  const asked = vi.fn<(address: string, init: RequestInit) => Promise<Response>>(() =>
    Promise.resolve(new Response("{}")),
  );
  vi.stubGlobal("fetch", asked);
  await call("signOut", { csrf: "token" });
  expect(asked.mock.calls[0]?.[1]).toMatchObject({
    method: "POST",
    credentials: "same-origin",
    headers: { "x-csrf": "token" },
  });
});

test("evidence without end is read to its limit and no further", async () => {
  let given = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull: (out) => {
      given += 65_536;
      out.enqueue(new Uint8Array(65_536));
    },
  });
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(endless)));
  const { bytes, whole } = await fetchEvidence("00".repeat(32), new AbortController().signal);
  expect([bytes.length, whole]).toEqual([evidenceLimit, false]);
  expect(given).toBeLessThan(evidenceLimit + 4 * 65_536);
});

import { createHash } from "node:crypto";
import type { Worth } from "@provost/shared/model/detection.ts";
import type { Observed } from "@provost/shared/model/observed.ts";
import { expect, test } from "vitest";
import type { Scene } from "../detection/rules/rule.ts";
import { exec, running } from "../detection/rules/case.ts";
import { indicatorRule } from "./indicator-rule.ts";
import { IndicatorSet } from "./indicator-set.ts";

const bad = createHash("sha256").update("bad").digest("hex") as never;
const set = new IndicatorSet();
const feed = set.source("feed.txt");
set.addDigest(bad, feed);
set.addAddress("198.51.100.0/24", feed);
const recognised = (event: Observed) => indicatorRule(() => set).observe(event, undefined as unknown as Scene);
const signed: Worth = { standing: "signed", basis: "publisher" };
const connects = (address: string): Observed =>
  ({
    ...exec(running("/usr/bin/curl")),
    kind: "connection",
    initiated: true,
    remote: { address, port: 443 },
    local: { address: "192.0.2.9", port: 5000 },
    protocol: "tcp",
  }) as never;

test("a listed program that starts is told with indicator and source", () => {
  expect(recognised(exec(running("/tmp/x", undefined, { sha256: bad })))).toMatchObject({
    level: "high",
    sentence: "/tmp/x started, whose digest feed.txt lists.",
    subject: { kind: "file", path: "/tmp/x", sha256: bad },
    facts: { indicator: bad, source: "feed.txt" },
  });
});

test("so is a listed script", () => {
  const event = exec(running("/bin/sh"), { script: "/tmp/x.sh", scriptSha256: bad });
  expect(recognised(event)).toMatchObject({ level: "high", subject: { path: "/tmp/x.sh" } });
});

test("a list that names what a publisher signed waits for a person", () => {
  const event = exec(running("/bin/bash", undefined, { sha256: bad, worth: signed }));
  expect(recognised(event)).toMatchObject({ level: "medium", provenanceChange: 0 });
  expect(recognised(event)?.sentence).toMatch(/yet it is signed: look at the list/);
});

test("a listed address that is called is told with the network that lists it", () => {
  expect(recognised(connects("198.51.100.7"))).toMatchObject({
    level: "high",
    sentence: "curl connected to 198.51.100.7:443, which feed.txt lists as 198.51.100.0/24.",
  });
});

test("a command line that names a listed host or URL is told, and that nothing was seen of what came of it is its severity", () => {
  const names = new IndicatorSet();
  const source = names.source("names.txt");
  for (const one of ["evil.example", "https://paste.example/raw/7"]) names.addName(one, source);
  const said = (...parts: string[]) =>
    indicatorRule(() => names).observe(
      exec(running("/usr/bin/curl", undefined, { arguments: parts })),
      undefined as unknown as Scene,
    );
  expect(said("curl", "https://cdn.evil.example/x")).toMatchObject({
    level: "medium",
    sentence:
      "curl was started with https://cdn.evil.example/x in its command line, which names.txt lists as evil.example.",
    subject: { kind: "destination", name: "cdn.evil.example" },
    facts: { indicator: "evil.example", source: "names.txt" },
  });
  expect(said("curl", "https://paste.example/raw/7")?.facts).toEqual({
    indicator: "https://paste.example/raw/7",
    source: "names.txt",
  });
  expect(said("curl", "https://paste.example/raw/8")).toBeUndefined();
  expect(said("echo", "notevil.example")).toBeUndefined();
  const named = { ...connects("203.0.113.5"), remote: { address: "203.0.113.5", port: 443, name: "a.evil.example" } };
  expect(indicatorRule(() => names).observe(named as Observed, undefined as unknown as Scene)).toMatchObject({
    level: "high",
    facts: { indicator: "evil.example" },
  });
});

test("nothing else is told", () => {
  expect(recognised(exec(running("/bin/true")))).toBeUndefined();
  expect(recognised(connects("203.0.113.5"))).toBeUndefined();
  expect(
    indicatorRule(() => undefined).observe(
      exec(running("/tmp/x", undefined, { sha256: bad })),
      undefined as unknown as Scene,
    ),
  ).toBeUndefined();
});

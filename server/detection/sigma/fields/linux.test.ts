import { describe, expect, test } from "vitest";
import { instant, sha256 } from "@provost/shared/model/ids.ts";
import type { Observed, ObservedProcess } from "@provost/shared/model/observed.ts";
import { linuxEvents, linuxShapes } from "./linux.ts";

const digest = sha256("ab".repeat(32));
const shell: Omit<ObservedProcess, "parent"> = {
  pid: 10,
  startedAt: "1",
  executable: "/usr/bin/bash",
  arguments: ["-bash"],
  uid: 1000,
  gid: 1000,
  user: "anna",
  name: "bash",
};
const actor: ObservedProcess = {
  pid: 11,
  startedAt: "2",
  executable: "/usr/bin/curl",
  arguments: ["curl", "-o", "/tmp/x y", "https://example.org"],
  directory: "/home/anna",
  uid: 0,
  gid: 0,
  loginUid: 1000,
  loginUser: "anna",
  session: 3,
  name: "curl",
  ...(digest === undefined ? {} : { sha256: digest }),
  parent: shell,
};
const seen = { id: "dev-1", at: instant(Date.UTC(2026, 10, 26, 2, 31)), host: "web-1", actor };

const names = (observed: Observed): readonly string[] =>
  linuxEvents(observed).map(({ source, fields }) => source.category ?? String(fields["type"]));

describe("a program that starts", () => {
  const [creation, execve, syscall] = linuxEvents({ kind: "exec", ...seen });

  test("is process_creation, as Sysmon would say it", () => {
    expect(creation).toEqual({
      id: "dev-1",
      at: seen.at,
      source: { product: "linux", category: "process_creation", service: "sysmon" },
      fields: {
        Computer: "web-1",
        UtcTime: "2026-11-26T02:31:00.000Z",
        Image: "/usr/bin/curl",
        CommandLine: "curl -o /tmp/x y https://example.org",
        CurrentDirectory: "/home/anna",
        User: "root",
        LogonId: 0,
        TerminalSessionId: 3,
        LoginUser: "anna",
        ProcessId: 11,
        Hashes: `SHA256=${digest}`,
        sha256: digest,
        ParentProcessId: 10,
        ParentImage: "/usr/bin/bash",
        ParentCommandLine: "-bash",
        ParentUser: "anna",
      },
    });
  });

  test("is an EXECVE record of auditd with one field for each argument", () => {
    expect(execve?.source).toEqual({ product: "linux", service: "auditd" });
    expect(execve?.fields).toMatchObject({
      type: "EXECVE",
      a0: "curl",
      a1: "-o",
      a2: "/tmp/x y",
      a3: "https://example.org",
    });
    expect(execve?.fields["a4"]).toBeUndefined();
  });

  test("is a SYSCALL record, without registers that nobody saw", () => {
    expect(syscall?.fields).toMatchObject({
      type: "SYSCALL",
      SYSCALL: "execve",
      exe: "/usr/bin/curl",
      comm: "curl",
      auid: 1000,
    });
    expect(Object.keys(syscall?.fields ?? {}).filter((name) => /^a\d/.test(name))).toEqual([]);
  });

  test("has bounded fields, however many arguments it has", () => {
    const many: Observed = {
      kind: "exec",
      ...seen,
      actor: { ...actor, arguments: Array(100_000).fill("x".repeat(50)) },
    };
    for (const { fields } of linuxEvents(many)) expect(JSON.stringify(fields).length).toBeLessThan(100_000);
  });

  test("path text becomes the characters that it stands for", () => {
    const odd: Observed = { kind: "exec", ...seen, actor: { ...actor, arguments: ["sed", String.raw`s/\x5c$/\x0a/`] } };
    expect(linuxEvents(odd)[1]?.fields["a1"]).toBe("s/\\$/\n/");
  });
});

describe("files", () => {
  test.each([
    ["created", ["file_event", "PATH"]],
    ["written", ["file_event", "PATH"]],
    ["renamed", ["file_event", "file_rename", "PATH"]],
    ["deleted", ["file_delete", "PATH"]],
    ["attributes", ["PATH"]],
  ] as const)("%s: %j", (change, wanted) => {
    expect(names({ kind: "file", ...seen, change, path: "/etc/x", before: "/etc/y" })).toEqual(wanted);
  });

  test("are named as the rules ask", () => {
    const [event, path] = linuxEvents({ kind: "file", ...seen, change: "created", path: "/etc/cron.d/x" });
    expect(event?.fields).toMatchObject({ TargetFilename: "/etc/cron.d/x", Image: "/usr/bin/curl" });
    expect(path?.fields).toMatchObject({ name: "/etc/cron.d/x", nametype: "CREATE" });
  });
});

describe("connections", () => {
  const ends = {
    local: { address: "10.0.0.2", port: 40_000 },
    remote: { address: "192.0.2.1", port: 443, name: "evil.example" },
  };

  test("begun here lead from here to there", () => {
    const [event] = linuxEvents({ kind: "connection", ...seen, protocol: "tcp", initiated: true, ...ends });
    expect(event?.fields).toMatchObject({
      Initiated: "true",
      SourceIp: "10.0.0.2",
      DestinationIp: "192.0.2.1",
      DestinationPort: 443,
      DestinationHostname: "evil.example",
    });
  });

  test("taken in lead from there to here", () => {
    const [event] = linuxEvents({ kind: "connection", ...seen, protocol: "tcp", initiated: false, ...ends });
    expect(event?.fields).toMatchObject({ Initiated: "false", SourceIp: "192.0.2.1", DestinationIp: "10.0.0.2" });
    expect(event?.fields["DestinationHostname"]).toBeUndefined();
  });
});

test("every event has the shape that the lint believes it has", () => {
  const changes = ["created", "written", "renamed", "deleted", "attributes"] as const;
  const everything: readonly Observed[] = [
    { kind: "exec", ...seen, script: "/home/anna/x.sh" },
    ...changes.map((change) => ({ kind: "file", ...seen, change, path: "/a", before: "/b" }) as const),
    ...[true, false].map(
      (initiated) =>
        ({
          kind: "connection",
          ...seen,
          protocol: "tcp",
          initiated,
          local: { address: "::1", port: 1 },
          remote: { address: "::1", port: 2, name: "h" },
        }) as const,
    ),
    { kind: "module", ...seen, module: "nf_tables" },
  ];
  const used = new Set<unknown>();
  for (const event of everything.flatMap(linuxEvents)) {
    const shape = linuxShapes.find(
      ({ source, fields, only }) =>
        source.category === event.source.category &&
        source.service === event.source.service &&
        Object.keys(event.fields).every((name) => fields.test(name)) &&
        Object.entries(only).every(([name, values]) => values.includes(String(event.fields[name]))),
    );
    expect([event, shape]).not.toEqual([event, undefined]);
    used.add(shape);
  }
  expect(used.size).toBe(linuxShapes.length);
});

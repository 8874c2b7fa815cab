import { orderSays, planOf, stepWords } from "../../shared/actions/index.ts";
import type { ActionOrder } from "../../shared/model/command.ts";
import type { DetectedFinding } from "../../shared/model/detection.ts";
import type { Answer, Query } from "../../shared/protocol/api.ts";
import { detectionRow } from "../../server/detection/detection-row.ts";
import { planFor, tell, treeOf } from "../../server/incidents/story.ts";

/** One incident told by the server's own fold, so that the console is looked at with what it will really be given. */
export function incidentScene(now: number, device: string, deviceName: string) {
  const lineage = [
    {
      pid: 4711,
      startedAt: "1204500000000",
      executable: "/tmp/jsextension",
      command: "/tmp/jsextension -k --tls -o 127.0.0.2:3333",
      user: "build",
      worth: { standing: "unproven", basis: "none", sha256: "77".repeat(32) },
    },
    {
      pid: 4702,
      startedAt: "1204300000000",
      executable: "/usr/bin/dash",
      command: "sh -c sh ./preinstall.sh",
      user: "build",
      worth: { standing: "signed", basis: "publisher" },
      tag: { standing: "unproven", basis: "pinned" },
    },
    {
      pid: 4690,
      startedAt: "1203900000000",
      executable: "/usr/bin/node",
      command: "node /usr/bin/npm install ua-parser-js",
      user: "build",
      worth: { standing: "proven", basis: "source" },
    },
  ] as DetectedFinding["lineage"];
  const finding = (
    over: Partial<DetectedFinding> & Pick<DetectedFinding, "id" | "sentence" | "level" | "rule">,
  ): DetectedFinding => ({
    device: device as DetectedFinding["device"],
    at: (now - 90_000) as DetectedFinding["at"],
    source: "reducer",
    techniques: ["T1105", "T1204.002"],
    subject: { kind: "file", path: "/tmp/jsextension", sha256: "77".repeat(32) as never },
    lineage,
    events: ["a-1"],
    provenanceChange: 0.8,
    rarity: 1,
    facts: {},
    ...over,
  });
  const findings = [
    finding({
      id: "fnd_one",
      level: "critical",
      sentence:
        "A descendant of the package manager dropped and ran a file that nothing claims: npm's installation of ua-parser-js wrote /tmp/jsextension (by curl) and started it.",
      rule: {
        id: "provost.drop-and-execute",
        title: "A file that nothing claims was written and started",
        author: "Provost",
      },
    }),
    finding({
      id: "fnd_two",
      level: "medium",
      at: (now - 80_000) as DetectedFinding["at"],
      sentence:
        "npm's installation of ua-parser-js connected to 127.0.0.2:3333 by jsextension; the registry is elsewhere.",
      subject: { kind: "destination", address: "127.0.0.2", port: 3333 },
      rule: { id: "provost.install-hook-network", title: "An installation talked to somebody else than the registry" },
    }),
  ];
  const story = tell(findings);
  const suggested = planFor(story.severity, findings);
  const listed: Answer<"incidents">["rows"][number] = {
    id: "inc_fixture",
    device,
    deviceName,
    state: "contained",
    severity: story.severity,
    score: story.score,
    sentence: story.sentence,
    techniques: [...story.techniques],
    findings: findings.length,
    openedAt: now - 90_000,
    lastAt: now - 80_000,
    elsewhere: 1,
    contained: ["kill-process-tree", "quarantine-file"],
  };
  const orders = ordersOf(
    now,
    { device, deviceName },
    suggested.map(({ order }) => order),
  );
  const detail: Answer<"incident"> = {
    ...listed,
    terms: [...story.terms],
    tree: treeOf(findings).map((process, at) => ({
      ...process,
      findings: [...process.findings],
      ...(at === 0 ? {} : { executableId: `exe_${at}` }),
    })),
    timeline: [
      ...findings.map(({ at, level, sentence, id }) => ({
        at,
        kind: "finding" as const,
        level,
        says: sentence,
        ref: id,
      })),
      { at: now - 85_000, kind: "lost", says: "12 events were lost (kernel ring)." },
      ...orders.map(({ changedAt, says, state, by, id }) => ({
        at: changedAt,
        kind: "action" as const,
        says: `${says}: ${state} (${by})`,
        ref: id,
      })),
    ],
    detections: findings.map((one) => detectionRow(one, deviceName, "inc_fixture")),
    blast: [{ device: "dev_1", deviceName: "build-02", by: "digest", what: "/tmp/jsextension", running: 2 }],
    blind: [{ at: now - 85_000, says: "12 events were lost (kernel ring).", count: 12 }],
    suggested: suggested.map(({ title, why, order }) => ({ title, why, order })),
  };
  const closed: Answer<"incident"> = {
    ...detail,
    id: "inc_closed",
    state: "closed",
    closedBy: "owner",
    closedWhy: "A build of ours; see <b>TICKET-7</b>.",
  };
  return { listed: [listed], details: [detail, closed], orders };
}

/** What was ordered: one row for each end that a person may have to read. */
function ordersOf(
  now: number,
  of: { readonly device: string; readonly deviceName: string },
  suggested: readonly ActionOrder[],
): Answer<"commands">["rows"] {
  const done = suggested.slice(0, 2).map((order) => ({ order, state: "verified" as const, why: undefined }));
  const isolate: ActionOrder = { action: "isolate-host", except: [] };
  const block: ActionOrder = { action: "block-digest", sha256: "77".repeat(32) as never };
  return [
    ...done,
    { order: isolate, state: "failed" as const, why: "nft: could not process rule: No such file or directory" },
    { order: block, state: "issued" as const, why: undefined },
  ].map(({ order, state, why }, at) => ({
    id: `cmd_${at}`,
    ...of,
    action: order.action,
    says: orderSays(order),
    order: order as never,
    state,
    ...(why === undefined ? {} : { why }),
    reason: "It is not ours.",
    by: "owner",
    incident: "inc_fixture",
    issuedAt: now - 60_000,
    changedAt: now - 50_000,
    expires: now + 3_600_000,
    steps: stepsOf(order).map(({ step, says }) => ({ step, state: stepStates[state], says })),
    canCancel: state === "issued",
    canUndo: state === "verified" && order.action !== "kill-process-tree",
  }));
}

const stepStates = { verified: "verified", failed: "failed", issued: "planned" } as const;

const stepsOf = (order: ActionOrder) =>
  order.action === "undo" ? [] : planOf(order).map((step) => ({ step: step.step, ...stepWords(step) }));

/** What the server says of an order before it is given. */
export function previewOf(
  { scope, order }: Pick<Query<"newCommand">, "scope" | "order">,
  orders: Answer<"commands">["rows"],
  devices: number,
): Answer<"previewCommand"> {
  const wanted = order as ActionOrder;
  const target = wanted.action === "undo" ? orders.find(({ id }) => id === wanted.command)?.order : wanted;
  const steps = target === undefined ? [] : stepsOf(target as ActionOrder);
  return {
    says: orderSays(wanted, target as ActionOrder | undefined),
    steps:
      wanted.action === "undo"
        ? steps.toReversed().map(({ step, undo }) => ({ step, says: undo ?? "Cannot be undone" }))
        : steps,
    devices: scope.kind === "fleet" ? devices : 1,
    warnings: wanted.action === "quarantine-file" ? ["These bytes lie on 3 of 9 devices."] : [],
  };
}

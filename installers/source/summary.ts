import type { Counts, GateNow, Overview, ScanFrame } from "./messages.ts";

/** The document of `npm start -- --once --json`. */
export function summaryDocument(
  overview: Overview,
  frame: ScanFrame,
  gate: GateNow | undefined,
  device: string,
  seconds: number,
): unknown {
  return {
    device,
    gate: gate ?? null,
    packages: overview.packages.total,
    executables: overview.executables.total,
    running: overview.running.total,
    standings: overview.executables.standings,
    bases: overview.executables.bases,
    runningStandings: overview.running.standings,
    seconds: Math.round(seconds * 10) / 10,
    filesSeen: frame.filesSeen,
    bytesHashed: frame.bytesHashed,
    proofs: overview.proofs,
    notSeen: frame.blind,
    problems: frame.problems,
  };
}

const order = ["proven", "signed", "unproven", "refuted", "unchecked"] as const;

const meanings: Readonly<Record<string, string>> = {
  reproduced: "rebuilt by someone else to the same bytes",
  source: "signed provenance names source and builder",
  publisher: "byte for byte what a signed archive holds",
  pinned: "a lockfile's digest agrees",
  recorded: "only an unsigned local record agrees",
  generated: "made on this device from a named file",
  claimed: "only the file speaks for itself",
  none: "nothing claims it",
  contradicted: "differs from signed evidence",
  lapsed: "its version is in no signed index any more",
  unreachable: "the archive that has the proof was not reached",
  unreadable: "could not be read",
};

export function summaryText(
  overview: Overview,
  frame: ScanFrame,
  gate: GateNow | undefined,
  seconds: number,
  root: boolean,
): string {
  const { packages, executables, running, proofs } = overview;
  const lines = [
    "",
    `  ${count(packages.total)} packages   ${Object.entries(packages.byEcosystem)
      .map(([name, number]) => `${name} ${count(number)}`)
      .join(", ")}`,
    `  ${count(executables.total)} executables in ${count(frame.filesSeen)} files   ${count(running.total)} of them running or mapped now`,
    "",
    `  ${"".padEnd(30)}${"executables".padStart(12)}${"running".padStart(10)}`,
    ...order.flatMap((standing) => standingLines(standing, executables, running)),
    "",
    `  proofs from signed archives: ${count(proofs.derived)} of ${count(proofs.wanted)} package versions; ${count(proofs.lapsed)} lapsed, ${count(proofs.failed)} not reached, ${count(proofs.unsupported)} unsupported${proofs.pending > 0 ? `, ${count(proofs.pending)} still waiting` : ""}`,
    `  gate: ${gateLine(gate)}`,
    `  ${seconds.toFixed(1)} s, ${count(Math.round(frame.bytesHashed / 1e6))} MB hashed`,
    ...(root ? [] : ["", "  Run as an ordinary user: what other users run and keep to themselves was not seen."]),
    ...frame.blind.slice(0, 8).map(({ what, count: number, why }) => `  not seen: ${count(number)} ${what}: ${why}`),
  ];
  return `${lines.join("\n")}\n`;
}

/** What a program that starts meets here. */
const gateLine = (gate: GateNow | undefined): string =>
  gate === undefined || gate.tier === "P"
    ? "none; what runs is read from /proc, and nothing is stopped (`provost doctor` says what a sensor needs)"
    : `tier ${gate.tier}, mode ${gate.mode}: ${modeWords[gate.mode]}`;

const modeWords: Readonly<Record<GateNow["mode"], string>> = {
  off: "nobody is asked and nothing is stopped",
  record: "what starts is judged and told, and nothing is stopped",
  warn: "people are warned, and nothing is stopped",
  hold: "what the policy holds waits for an approval",
  block: "what the policy blocks does not start",
};

function standingLines(standing: string, executables: Counts, running: Counts): readonly string[] {
  const total = executables.standings[standing] ?? 0;
  if (total === 0 && standing !== "refuted") return [];
  const head = `  ${standing.padEnd(30)}${count(total).padStart(12)}${count(running.standings[standing] ?? 0).padStart(10)}`;
  const bases = Object.entries(executables.bases)
    .filter(([basis]) => basesOf[standing]?.includes(basis) === true)
    .map(
      ([basis, number]) =>
        `    ${basis.padEnd(28)}${count(number).padStart(12)}${count(running.bases[basis] ?? 0).padStart(10)}   ${meanings[basis] ?? ""}`,
    );
  return [head, ...bases];
}

const basesOf: Readonly<Record<string, readonly string[]>> = {
  proven: ["reproduced", "source"],
  signed: ["publisher"],
  unproven: ["pinned", "recorded", "generated", "claimed", "none"],
  refuted: ["contradicted", "forged", "downgraded", "revoked", "malicious"],
  unchecked: ["lapsed", "stale-trust", "no-time-proof", "unsupported", "unreachable", "deadline", "unreadable"],
};

const count = (number: number): string => number.toLocaleString("en");

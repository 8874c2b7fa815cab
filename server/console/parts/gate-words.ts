import type { FindingKind, GateMode, Outcome, Tier } from "@provost/shared/model/gate.ts";

/** The gate's words as a person reads them. A tone is a colour, and never stands without its word. */
interface Words {
  readonly word: string;
  readonly means: string;
  readonly tone?: string;
}

export const outcomeWords: Readonly<Record<Outcome, Words>> = {
  stopped: { word: "Stopped", means: "It did not run.", tone: "refuted" },
  held: { word: "Held", means: "It did not run. A person may approve it.", tone: "unproven" },
  would: {
    word: "Would stop",
    means: "It ran. The policy would have stopped it, had the device's mode allowed.",
    tone: "unchecked",
  },
  warned: { word: "Warned", means: "It ran, and the person was told.", tone: "unproven" },
  allowed: { word: "Ran", means: "It ran as the policy allows." },
};

export const findingWords: Readonly<Record<FindingKind, Words>> = {
  silent: { word: "Silent", means: "The device says nothing, and nobody said that it was to stop.", tone: "refuted" },
  tamper: { word: "Tampering", means: "Somebody reached for the watch itself.", tone: "refuted" },
  missing: { word: "Part missing", means: "A part that should watch does not answer.", tone: "refuted" },
  lost: { word: "Events lost", means: "Something was not seen, and this is how much.", tone: "unproven" },
  degraded: { word: "Degraded", means: "The watch does less than it did.", tone: "unproven" },
  restarted: { word: "Restarted", means: "The watch began again.", tone: "unchecked" },
  stopped: { word: "Stopped", means: "The watch ended in order.", tone: "unchecked" },
};

export const modeMeans: Readonly<Record<GateMode, string>> = {
  off: "nothing is watched",
  record: "everything is judged, nothing is stopped",
  warn: "people are told, nothing is stopped",
  hold: "what lacks proof waits for approval",
  block: "what lacks proof does not run",
  quarantine: "what lacks proof does not run, and is sealed away where it is new",
};

export const tierMeans: Readonly<Record<Tier, string>> = {
  A: "kernel security module: refuses before the first instruction",
  B: "kernel tracing with a kill, above file access marks",
  C: "file access marks only",
  P: "polling: nothing can be stopped",
};

const everyTier = [
  "Code without a file: memory made executable, and what an interpreter is given by -c or on its input.",
  "A script handed to an interpreter (sh script), unless the policy says scripts: strict.",
  "A module that root loads into the kernel.",
] as const;
const noLibraries =
  "A library or a loader's argument (dlopen, LD_PRELOAD, ld.so ./x), unless the policy asks for libraries.";

/** What each tier cannot stop, so that nobody takes a quiet list for a safe machine. */
export const tierMisses: Readonly<Record<Tier, readonly string[]>> = {
  A: everyTier,
  B: [noLibraries, ...everyTier],
  C: [
    "A file that is rewritten between its check and its start: nothing in the kernel looks again.",
    "A program that lies in memory alone (memfd).",
    "Anything once the sensor is gone: it enforces only while it runs.",
    noLibraries,
    ...everyTier,
  ],
  P: ["Anything: programs are seen after they have started, short ones perhaps never."],
};

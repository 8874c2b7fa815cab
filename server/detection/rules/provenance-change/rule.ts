import { programName } from "@provost/shared/model/work.ts";
import type { ReducerRule } from "../rule.ts";

/** A program runs that evidence speaks against, or one whose proof was better before. */
export const provenanceChange: ReducerRule = {
  id: "provost.provenance-change",
  title: "A program's origin became worse, or evidence speaks against it",
  techniques: ["T1195"],
  observe(event, { baseline, device }) {
    if (event.kind !== "exec" || event.actor.worth === undefined) return undefined;
    const { worth, executable, sha256 } = event.actor;
    const subject = { kind: "file" as const, path: executable, ...(sha256 === undefined ? {} : { sha256 }) };
    const before = baseline.replace(`standing ${executable}`, device, worth.standing, event.at);
    if (worth.standing === "refuted")
      return {
        level: worth.basis === "malicious" || worth.basis === "forged" ? "critical" : "high",
        sentence: `${programName(event.actor)} started ${executable}, and evidence speaks against it: ${worth.basis}.`,
        subject,
        provenanceChange: 1,
      };
    if (before !== "proven" && before !== "signed") return undefined;
    if (worth.standing !== "unproven" || worth.basis === "generated") return undefined;
    return {
      level: "high",
      sentence: `${executable} was ${before} on this device before, and is ${worth.standing} (${worth.basis}) now.`,
      subject,
      provenanceChange: 0.9,
    };
  },
};

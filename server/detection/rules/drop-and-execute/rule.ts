import type { ProcessKey } from "@provost/shared/model/detection.ts";
import { baseName, isUnowned, programName, upwards } from "@provost/shared/model/work.ts";
import type { ReducerRule } from "../rule.ts";
import { hookOf, managerOf } from "../../tree.ts";

const withinMs = 300_000;
const dayMs = 86_400_000;
/** They write programs for a living. */
const makers =
  /^(?:ld|ld\.\w+|mold|lld|as|cc1\w*|collect2|gcc|g\+\+|clang|rustc|go|link|ar|strip|objcopy|install|make|ninja|cargo|javac|tsc|esbuild|patchelf|libtool)(?:-[\w.]+)?$/;

/** A file that nothing claims was written and started within five minutes. */
export const dropAndExecute: ReducerRule = {
  id: "provost.drop-and-execute",
  title: "A file that nothing claims was written and started",
  techniques: ["T1105", "T1204.002"],
  observe(event, { recent }) {
    if (event.kind !== "exec") return undefined;
    // Who writes a file is told by its path alone: whether anybody answers for the writer was seen when it started.
    if (isUnowned(event.actor.worth)) recent.note("unowned", keyOf(event.actor), event.actor.executable, event.at);
    const { actor, writtenBy, script } = event;
    const worth = script === undefined ? actor.worth : event.scriptWorth;
    if (!isUnowned(worth)) return undefined;
    const path = script ?? actor.executable;
    const hook = hookOf(actor);
    const isFresh = writtenBy !== undefined && event.at - writtenBy.at <= withinMs;
    if (!isFresh) return undefined;
    const isMaker = makers.test(baseName(writtenBy.executable));
    if (isMaker && recent.find("unowned", keyOf(writtenBy), event.at, dayMs).length === 0) return undefined;
    // A package manager unpacks what it was asked for; its own proof says what that is worth.
    if (hook === undefined && [actor, ...upwards(actor)].some((above) => managerOf(above) !== undefined))
      return undefined;
    const writer = baseName(writtenBy.executable) || "an unknown program";
    const sha256 = script === undefined ? actor.sha256 : event.scriptSha256;
    const subject = { kind: "file" as const, path, ...(sha256 === undefined ? {} : { sha256 }) };
    if (hook !== undefined)
      return {
        level: "critical",
        sentence: `A descendant of the package manager dropped and ran a file that nothing claims: ${hook.says} wrote ${path} (by ${writer}) and started it.`,
        subject,
        provenanceChange: 0.8,
        facts: { "written by": writtenBy.executable },
      };
    const downloaded = /^(?:curl|wget|aria2c|fetch|nc|ncat|socat|scp|ftp|tftp)$/.test(writer);
    return {
      level: downloaded ? "high" : "medium",
      sentence: `${path}, which nothing claims, was ${downloaded ? "downloaded" : "written"} by ${writer} and started by ${programName(actor.parent ?? actor)} within ${Math.max(1, Math.round((event.at - writtenBy.at) / 1000))} s.`,
      subject,
      provenanceChange: 0.6,
      facts: { "written by": writtenBy.executable },
    };
  },
};

const keyOf = ({ pid, startedAt }: ProcessKey): string => `${pid}@${startedAt}`;

import { isInterpreter, programName } from "@provost/shared/model/work.ts";
import type { ReducerRule } from "../rule.ts";
import { hookOf } from "../../tree.ts";

const fetchers = /^(?:curl|wget|fetch|aria2c)$/;
const inline = /\b(?:curl|wget)\b[^|;]*(?:\||\))|<\((?:curl|wget)|\$\((?:curl|wget)/;
const withinMs = 10_000;

/** What was downloaded goes straight into an interpreter: nothing lies on a disk that could be looked at. */
export const pipedDownload: ReducerRule = {
  id: "provost.piped-download",
  title: "A download was piped into an interpreter",
  techniques: ["T1059", "T1105"],
  observe(event, { recent }) {
    if (event.kind !== "exec") return undefined;
    const { actor } = event;
    const parent = actor.parent;
    if (parent === undefined) return undefined;
    const key = `${parent.pid}@${parent.startedAt}`;
    if (fetchers.test(programName(actor)))
      recent.note("fetched", key, actor.arguments.join(" ").slice(0, 500), event.at);
    if (!isInterpreter(actor) || event.script !== undefined) return undefined;
    const words = actor.arguments.slice(1);
    const fromInput = words.every((word) => /^-[a-z]*$/.test(word) && !word.includes("c"));
    const command = words[words.indexOf("-c") + 1] ?? "";
    const fetched = recent.find("fetched", key, event.at, withinMs).at(-1);
    const isPiped = fromInput && fetched !== undefined;
    const isInline =
      words.includes("-c") && inline.test(command) && /\b(?:sh|bash|python3?|node|perl)\b|eval/.test(command);
    if (!isPiped && !isInline) return undefined;
    const hook = hookOf(actor);
    return {
      level: hook === undefined ? "medium" : "high",
      sentence: `${programName(actor)} ran what ${isPiped ? `"${fetched}"` : `"${command.slice(0, 200)}"`} downloaded, without it ever being a file${hook === undefined ? "" : `, during ${hook.says}`}.`,
      subject: { kind: "process", key: { pid: actor.pid, startedAt: actor.startedAt }, path: actor.executable },
      provenanceChange: 0.5,
    };
  },
};

import { isUnowned, programName } from "@provost/shared/model/work.ts";
import type { ReducerRule } from "../rule.ts";
import { hookOf, managerOf } from "../../tree.ts";

const lifeMs = 3_600_000;

/** What a package brought talks to somebody else than the registry while it is installed. */
export const installHookNetwork: ReducerRule = {
  id: "provost.install-hook-network",
  title: "An installation talked to somebody else than the registry",
  techniques: ["T1195.002", "T1071"],
  observe(event, { recent }) {
    if (event.kind !== "connection" || !event.initiated) return undefined;
    const { actor, remote } = event;
    if (remote.port === 53 || remote.port === 0) return undefined;
    const end = `${remote.address}:${remote.port}`;
    if (managerOf(actor) !== undefined) {
      recent.note("registry", `${actor.pid}@${actor.startedAt}`, end, event.at);
      return undefined;
    }
    const hook = hookOf(actor);
    if (hook === undefined || hook.name === "dpkg") return undefined;
    const { pid, startedAt } = hook.manager;
    if (recent.find("registry", `${pid}@${startedAt}`, event.at, lifeMs).includes(end)) return undefined;
    const isUnknown = isUnowned(actor.worth);
    return {
      level: isUnknown ? "high" : "medium",
      sentence: `${hook.says} connected to ${end} by ${programName(actor)}; the registry is elsewhere.`,
      subject: { kind: "destination", address: remote.address, port: remote.port },
      ...(isUnknown ? { provenanceChange: 0.6 } : {}),
    };
  },
};

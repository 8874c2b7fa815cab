import { pathInRoot } from "@provost/shared/model/observed.ts";
import { classOf } from "@provost/shared/model/watched-files.ts";
import { isKnownAs, isUnowned, programName, upwards } from "@provost/shared/model/work.ts";
import type { ReducerRule } from "../rule.ts";
import { hookOf, isInteractive, managerOf } from "../../tree.ts";

const writers =
  /^(?:systemctl|systemd\S*|crontab|ssh-copy-id|ssh-keygen|git|useradd|usermod|update-rc\.d|deb-systemd-\S+|ldconfig|visudo|cloud-init|ansible\S*|puppet|chef-client)$/;
const agentHook = /\/\.(?:claude|vscode|cursor|gemini|codex)\//;

/** Something was put where it starts by itself later. */
export const persistenceWrite: ReducerRule = {
  id: "provost.persistence-write",
  title: "Something was put where it starts by itself",
  techniques: ["T1543.002", "T1053.003", "T1546.004"],
  observe(event) {
    if (event.kind !== "file" || classOf(pathInRoot(event)) !== "persistence") return undefined;
    if (event.change !== "created" && event.change !== "written" && event.change !== "renamed") return undefined;
    const { actor } = event;
    const hook = hookOf(actor);
    if (hook === undefined || hook.name === "dpkg") {
      if (isKnownAs(actor, writers)) return undefined;
      if ([actor, ...upwards(actor)].some((above) => managerOf(above) !== undefined)) return undefined;
    }
    const isUnknown = isUnowned(actor.worth);
    const isHook = hook !== undefined && hook.name !== "dpkg";
    const level = isHook || isUnknown ? "high" : agentHook.test(event.path) && !isInteractive(actor) ? "medium" : "low";
    return {
      level,
      sentence: `${isHook ? `${hook.says} by ${programName(actor)}` : programName(actor)} wrote ${event.path}, which starts by itself later.`,
      subject: { kind: "file", path: event.path },
      ...(isUnknown ? { provenanceChange: 0.6 } : {}),
    };
  },
};

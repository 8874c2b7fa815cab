import type { ObservedProcess } from "@provost/shared/model/observed.ts";
import { baseName, isKnownAs, isUnowned, programName, upwards } from "@provost/shared/model/work.ts";
import type { ReducerRule } from "../rule.ts";
import { hookOf, managerOf } from "../../tree.ts";

/** Code that runs and is no file, a kernel module from nowhere, a library of a package that changed. */
export const unnamedCode: ReducerRule = {
  id: "provost.unnamed-code",
  title: "Code runs that lies in no file, or a module changed",
  techniques: ["T1620", "T1547.006", "T1574.006"],
  observe(event) {
    const { actor } = event;
    if (event.kind === "exec" && event.unnamed !== undefined) {
      if (event.unnamed === "memory" && isRuntime(actor)) return undefined;
      const hook = hookOf(actor);
      return {
        level: hook === undefined ? "high" : "critical",
        sentence: `${programName(actor.parent ?? actor)} started a program ${event.unnamed === "memory" ? "from memory" : "whose file was removed"}: ${actor.arguments.join(" ").slice(0, 200) || actor.executable}.`,
        subject: { kind: "process", key: { pid: actor.pid, startedAt: actor.startedAt }, path: actor.executable },
        provenanceChange: 0.7,
      };
    }
    if (event.kind === "module" && isUnowned(actor.worth))
      return {
        level: "high",
        sentence: `${programName(actor)}, which nothing claims, loaded the kernel module ${event.module}.`,
        subject: { kind: "process", key: { pid: actor.pid, startedAt: actor.startedAt }, path: actor.executable },
        provenanceChange: 0.7,
      };
    if (
      event.kind === "file" &&
      event.package !== undefined &&
      /\.so(?:\.|$)/.test(event.path) &&
      (event.change === "written" || event.change === "renamed" || event.change === "created") &&
      [actor, ...upwards(actor)].some((above) => managerOf(above) !== undefined)
    )
      return {
        level: "informational",
        sentence: `The library ${event.path} of ${event.package} was changed by ${programName(actor)}.`,
        subject: { kind: "file", path: event.path },
      };
    return undefined;
  },
};

const runtimes = /^(?:runc|crun|youki)$/;
const starters = /^(?:runc|crun|youki|containerd\S*|dockerd|podman|conmon|crio|buildkitd|buildah|kubelet)$/;

/**
 * A container runtime copies itself into memory before it enters a container, so that nobody in there can overwrite it (CVE-2019-5736).
 * What was judged has to be its bytes: a name is chosen by everybody.
 */
function isRuntime(actor: ObservedProcess): boolean {
  if (isUnowned(actor.worth) || actor.parent === undefined || !isKnownAs(actor.parent, starters)) return false;
  const called = baseName(actor.arguments[0] ?? "");
  return runtimes.test(called) || /memfd:(?:runc_cloned|crun|youki)\b/.test(actor.executable);
}

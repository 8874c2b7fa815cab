import { isShell } from "@provost/shared/model/work.ts";
import type { Recognised, ReducerRule } from "../rule.ts";
import { hookOf } from "../../tree.ts";

const foreignMs = 600_000;
const foreign = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/.*\.(?:dll|exe|scr|dylib)$/;

/** A package runs something while it is installed, for the first time; and it brought a program for another system. */
export const installHook: ReducerRule = {
  id: "provost.install-hook",
  title: "A package ran a new install hook",
  techniques: ["T1195.002"],
  observe(event, { baseline, recent, device }) {
    if (event.kind === "file") {
      const name = foreign.exec(event.path)?.[1];
      if (name === undefined) return undefined;
      recent.note("foreign", name, event.path, event.at);
      // Changes of files are told a moment later than starts: the hook may have come first.
      const [hook] = recent.find("hook", name, event.at, foreignMs).slice(-1);
      return hook === undefined ? undefined : recognised(name, hook, event.path);
    }
    if (event.kind !== "exec" || !isShell(event.actor)) return undefined;
    const hook = hookOf(event.actor);
    if (hook?.package === undefined || event.actor.parent === undefined) return undefined;
    const { parent } = event.actor;
    if (parent.pid !== hook.manager.pid) return undefined;
    const command = event.actor.arguments.at(-1) ?? "";
    const met = baseline.meet("hook", `${hook.package} ${command}`, device, event.at);
    if (met.onDevice) return undefined;
    const says = `${hook.says} ran an install hook that was never seen here: "${command.slice(0, 200)}"`;
    recent.note("hook", hook.package, says, event.at);
    return recognised(hook.package, says, recent.find("foreign", hook.package, event.at, foreignMs).at(-1));
  },
};

const recognised = (name: string, says: string, strange: string | undefined): Recognised => ({
  level: strange === undefined ? "low" : "medium",
  sentence: `${says}${strange === undefined ? "" : `; the package also brought a program for another system, ${strange}`}.`,
  subject: { kind: "package", purl: `pkg:npm/${name.replace("@", "%40")}` },
});

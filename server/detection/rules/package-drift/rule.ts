import type { ObservedProcess } from "@provost/shared/model/observed.ts";
import { pathInRoot } from "@provost/shared/model/observed.ts";
import { isKnownAs, programName, upwards } from "@provost/shared/model/work.ts";
import type { ReducerRule } from "../rule.ts";
import { hookOf, managerOf } from "../../tree.ts";

const system = /^(?:ldconfig|prelink|update-alternatives|systemd\S*|py3compile|python3?|perl)$/;

/** A file of an installed package was changed by something else than its package manager. */
export const packageDrift: ReducerRule = {
  id: "provost.package-drift",
  title: "A file of a package was changed by something else than the package manager",
  techniques: ["T1554"],
  observe(event) {
    if (event.kind !== "file" || event.package === undefined) return undefined;
    if (event.change === "attributes" || event.change === "opened") return undefined;
    const { actor } = event;
    if (managerOf(actor) !== undefined || [...upwards(actor)].some(isSystems)) return undefined;
    // A hook that finishes its own package: it brings the program for this system, or compiles it.
    const own = hookOf(actor)?.package;
    if (own !== undefined && event.path.includes(`/node_modules/${own}/`)) return undefined;
    const isProgram = /^\/(?:usr\/)?(?:local\/)?s?bin\/|\.so(?:\.|$)/.test(pathInRoot(event));
    if (!isProgram && isKnownAs(actor, system)) return undefined;
    const verb = event.change === "deleted" ? "removed" : "changed";
    return {
      level: isProgram ? "high" : "low",
      sentence: `${programName(actor)} ${verb} ${event.path}, which belongs to ${event.package}; the package manager did not.`,
      subject: { kind: "file", path: event.path },
      provenanceChange: isProgram ? 0.7 : 0.3,
      facts: { package: event.package },
    };
  },
};

/** Scripts of the system's own packages change files of others: it is what they are made for. */
const isSystems = (process: ObservedProcess): boolean => /^(?:dpkg|rpm|apk)$/.test(managerOf(process) ?? "");

import { exec, minutes, recorded, running, signed, unclaimed } from "../case.ts";
import type { RuleCase } from "../case.ts";

const tool = (worth = signed) => running("/usr/bin/tool", undefined, { worth });

export const cases: readonly RuleCase[] = [
  {
    says: "a program that was signed is not any more, and is told once",
    events: [exec(tool()), exec(tool(unclaimed), { at: minutes(1) }), exec(tool(unclaimed), { at: minutes(2) })],
    finds: [["high", "/usr/bin/tool was signed on this device before, and is unproven (none) now."]],
  },
  {
    says: "a program runs that is known to be malicious",
    events: [exec(tool({ standing: "refuted", basis: "malicious" }))],
    finds: [["critical", "tool started /usr/bin/tool, and evidence speaks against it: malicious."]],
  },
  {
    says: "a program whose bytes contradict its package",
    events: [exec(tool({ standing: "refuted", basis: "contradicted" }))],
    finds: [["high", "tool started /usr/bin/tool, and evidence speaks against it: contradicted."]],
  },
  { says: "a signed program is replaced by a signed one", events: [exec(tool()), exec(tool())], finds: [] },
  {
    says: "a program that nothing claimed is claimed by a package now",
    events: [exec(tool(unclaimed)), exec(tool(recorded))],
    finds: [],
  },
];

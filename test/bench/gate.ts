import { chownSync } from "node:fs";
import { join } from "node:path";
import type { GateRoot } from "../support/gate-root.ts";
import { cannotGate, makeGateRoot } from "../support/gate-root.ts";
import { installPrograms } from "../support/gated-agent.ts";
import { awayPart } from "./gate-away.ts";
import { buildsPart } from "./gate-builds.ts";
import type { World } from "./gate-columns.ts";
import { execPart } from "./gate-exec.ts";
import { firstPart } from "./gate-first.ts";
import { compilePrograms } from "./gate-programs.ts";
import { racePart } from "./gate-race.ts";
import { stormPart } from "./gate-storm.ts";
import { benchFolder } from "./product.ts";
import type { Options, Result } from "./result.ts";

export type Part = (world: World, options: Options) => Promise<Omit<Result, "name">>;

/** In the order in which they run; builds come last, because their root is large. */
const parts: Readonly<Record<string, Part>> = {
  exec: execPart,
  first: firstPart,
  away: awayPart,
  storm: stormPart,
  race: racePart,
  builds: buildsPart,
};

/** What the gate costs and withstands, in a root of its own: everything else on the machine goes on ungated. */
export async function run(options: Options): Promise<Result> {
  const cannot = cannotGate();
  if (cannot !== undefined) throw new Error(cannot);
  const wanted = options.parts ?? Object.keys(parts);
  const odd = wanted.find((name) => !Object.hasOwn(parts, name));
  if (odd !== undefined) throw new Error(`gate has no part "${odd}": ${Object.keys(parts).join(", ")}`);
  const folder = benchFolder("gate", "anew");
  const root = makeGateRoot(folder, 6000);
  try {
    const world = furnished(root, join(folder, "bin"));
    const done = [];
    for (const name of wanted) {
      options.say(name);
      done.push(await parts[name]?.(world, options));
    }
    return {
      name: "gate",
      figures: Object.assign({}, ...done.map((part) => part?.figures)) as Result["figures"],
      goals: done.flatMap((part) => part?.goals ?? []),
    };
  } finally {
    root.remove();
  }
}

function furnished(root: GateRoot, folder: string): World {
  const programs = compilePrograms(folder);
  installPrograms(root, [
    [programs.tiny, "/usr/bin/tiny"],
    ["/bin/true", "/usr/bin/true"],
    [programs.tiny, "/usr/bin/own"],
  ]);
  chownSync(join(root.path, "usr/bin/own"), 1000, 1000);
  return { root, programs };
}

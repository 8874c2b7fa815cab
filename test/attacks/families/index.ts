import type { Attack } from "../attack.ts";
import { kernel } from "./kernel.ts";
import { launches } from "./launches.ts";
import { libraries } from "./libraries.ts";
import { loaders } from "./loaders.ts";
import { mappings } from "./mappings.ts";
import { mounts } from "./mounts.ts";
import { rewrites } from "./rewrites.ts";
import { scripts } from "./scripts.ts";

export const attacks: readonly Attack[] = [
  ...launches,
  ...scripts,
  ...loaders,
  ...libraries,
  ...mappings,
  ...rewrites,
  ...mounts,
  ...kernel,
];

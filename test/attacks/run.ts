/** `npm run attacks`: tries to run what nobody has verified, in a root of its own, and says what came of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { kernelVersions } from "../kernels/debian-kernel.ts";
import { readLimits } from "./limits.ts";
import { attackMachine, cannotAttackMachine } from "./machine.ts";
import { faultOf, type Row } from "./rows.ts";
import { attackTier, cannotAttack, type Found } from "./suite.ts";

const usage =
  "usage: npm run attacks -- [--tier A|B|C] [--only NAME] [--json] [--verbose] [--machine] [--kernel 6.1|6.12]";
const { values } = parseArgs({
  options: {
    tier: { type: "string" },
    only: { type: "string", default: "" },
    json: { type: "boolean", default: false },
    // Tier A needs a kernel of its own; --machine takes the others there too, with what reaches the whole kernel.
    machine: { type: "boolean", default: false },
    kernel: { type: "string", default: "6.12" },
    verbose: { type: "boolean", default: false },
  },
});

const limits = readLimits();
const tell = (row: Row, said: string): void => {
  if (values.json) return;
  const fault = faultOf(row, limits);
  process.stdout.write(
    `${row.tier} ${row.mode.padEnd(6)} ${row.outcome.padEnd(7)} ${row.attack}${fault === undefined ? "" : "  <- not as listed"}\n`,
  );
  if (values.verbose) process.stdout.write(`    ${said.replaceAll("\n", "\n    ")}\n`);
};

if (values.tier !== undefined && !/^[ABC]$/.test(values.tier)) fail(usage);
const version = kernelVersions.find((one) => one === values.kernel);
if (version === undefined) fail(`--kernel is one of ${kernelVersions.join(", ")}`);
const inMachine = values.tier === "A" || values.machine;
const cannot = cannotAttack() ?? (inMachine ? cannotAttackMachine() : undefined);
if (cannot !== undefined) fail(cannot);

const scratch = mkdtempSync(join(tmpdir(), "provost-attacks-"));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

const found: Found[] = [];
for (const tier of (values.tier === undefined ? ["B", "C"] : [values.tier]) as Row["tier"][])
  found.push(
    tier === "A" || inMachine
      ? await attackMachine({ tier, version, only: values.only, limits, scratch, tell })
      : await attackTier({ tier, only: values.only, limits, scratch, tell }),
  );

const rows = found.flatMap(({ rows }) => rows);
const faults = rows.map((row) => faultOf(row, limits)).filter((fault) => fault !== undefined);
if (values.json) process.stdout.write(`${JSON.stringify(rows, undefined, 1)}\n`);
for (const { attack, tier, why } of found.flatMap(({ skipped }) => skipped))
  process.stderr.write(`${tier} left out: ${attack}: ${why}\n`);
for (const fault of faults) process.stderr.write(`${fault}\n`);
if (rows.length === 0) fail(`no attack was tried${values.only === "" ? "" : `: none begins with "${values.only}"`}`);
rmSync(scratch, { recursive: true, force: true });
process.exit(faults.length === 0 ? 0 : 1);

function fail(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(2);
}

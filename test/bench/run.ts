/** `npm run bench -- NAME [--json]`: runs one bench and prints its figures. A goal that does not hold is shown, nothing more. */
import { parseArgs } from "node:util";
import { benches } from "./index.ts";
import type { Machine } from "./machine.ts";
import { describeMachine } from "./machine.ts";
import type { Result } from "./result.ts";

// No bench asks a public registry about this machine; what a bench starts inherits it.
process.env["PROVOST_REGISTRIES"] ??= "off";
process.exitCode = await main();

async function main(): Promise<number> {
  const asked = readOptions();
  const [name, ...more] = asked?.positionals ?? [];
  const bench = name === undefined || more.length > 0 || !Object.hasOwn(benches, name) ? undefined : benches[name];
  if (asked === undefined || bench === undefined) {
    process.stderr.write(`${name === undefined ? "" : `provost: there is no bench "${name}"\n`}${usage()}`);
    return 2;
  }
  const { size, part } = asked.values;
  if (size !== undefined && !/^[1-9]\d{0,8}$/.test(size)) {
    process.stderr.write(`provost: --size is a whole number, not "${size}"\n`);
    return 2;
  }
  const machine = describeMachine();
  const result = await bench.run({
    excluded: asked.values.exclude,
    ...(size === undefined ? {} : { size: Number(size) }),
    ...(part.length === 0 ? {} : { parts: part }),
    say: (line) => process.stderr.write(`bench: ${line}\n`),
  });
  const { figures, goals } = result;
  process.stdout.write(
    asked.values.json
      ? `${JSON.stringify({ name: result.name, machine, figures, goals }, undefined, 2)}\n`
      : table(machine, result),
  );
  return 0;
}

function readOptions() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        json: { type: "boolean", default: false },
        size: { type: "string" },
        part: { type: "string", multiple: true, default: [] },
        exclude: { type: "string", multiple: true, default: [] },
      },
    });
  } catch (cause) {
    process.stderr.write(`provost: ${cause instanceof Error ? cause.message : String(cause)}\n`);
    return undefined;
  }
}

function usage(): string {
  const lines = Object.entries(benches).map(([name, { about }]) => `  ${name.padEnd(11)}${about}`);
  return `npm run bench -- NAME [--json] [--exclude DIR]... [--size N] [--part NAME]...\n\n${lines.join("\n")}\n\n  --json         one JSON document on standard output\n  --exclude DIR  leave a folder out of the product's walk\n  --size N       how much synthetic data a bench makes, where it makes some\n  --part NAME    only this part of a bench that has several\n`;
}

function table(machine: Machine, result: Result): string {
  const { figures, goals } = result;
  const width = Math.max(...Object.keys(figures).map((name) => name.length), 0) + 2;
  return [
    `${result.name}: ${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.distribution}, Linux ${machine.kernel}, Node ${machine.node}`,
    `${machine.date}, load average ${machine.load.join(" ")}`,
    "",
    ...Object.entries(figures).map(([name, value]) => `  ${name.padEnd(width)}${value}`),
    "",
    ...goals.map(
      ({ goal, wanted, got, unit, holds }) =>
        `  ${holds ? "holds " : "MISSED"}  ${goal}: ${got} ${unit} (goal ${wanted})`,
    ),
    "",
  ].join("\n");
}

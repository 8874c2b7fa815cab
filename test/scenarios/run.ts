import { parseArgs } from "node:util";
import { scenarioNames, tryScenario } from "./scenario.ts";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: "boolean" } } });
const [begin = ""] = positionals;
const names = scenarioNames().filter((name) => name.toLowerCase().startsWith(begin.toLowerCase()));
if (names.length === 0) {
  process.stderr.write(`no scenario begins with "${begin}"; there are: ${scenarioNames().join(", ")}\n`);
  process.exit(2);
}
const rows = names.map((name) => {
  process.stderr.write(`${name}\n`);
  return tryScenario(name);
});
if (values.json === true) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
else
  for (const { id, holds, faults, got, left } of rows)
    process.stdout.write(
      [
        `${id}  ${holds ? "holds" : "does not hold"}: ${got.severity ?? "no incident"}; ${got.orders.join(", ") || "no orders"}`,
        ...faults.map((fault) => `     ${fault}`),
        ...left.map((what) => `     not done by Provost: ${what}`),
        "",
      ].join("\n"),
    );
process.exitCode = rows.every(({ holds }) => holds) ? 0 : 1;

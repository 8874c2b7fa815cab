/** `npm run check`: every cheap law at once, each with its own seconds; the first failure's output is shown whole. */
import { spawn } from "node:child_process";

const steps: readonly (readonly [string, string, readonly string[]])[] = [
  ["types", "tsc", ["-p", "."]],
  ["types of the console", "tsc", ["-p", "server/console"]],
  ["lint", "oxlint", ["--type-aware", "."]],
  ["format", "oxfmt", ["--check", "."]],
  ["imports", "depcruise", ["--config", ".dependency-cruiser.cjs", "shared", "agent", "server", "installers"]],
  ["unit tests and laws", "vitest", ["run", "--config", "test/vitest.config.ts", "--project", "unit"]],
];

let failed = 0;
for (const [name, program, args] of steps) {
  const started = performance.now();
  const { code, output } = await run(program, args);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${code === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)\n`);
  if (code !== 0) {
    failed += 1;
    process.stdout.write(`${output}\n`);
  }
}
process.exitCode = failed === 0 ? 0 : 1;

function run(program: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(`node_modules/.bin/${program}`, args, { stdio: ["ignore", "pipe", "pipe"] });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString() }));
  });
}

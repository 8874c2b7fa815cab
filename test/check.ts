/** `npm run check`: every cheap law, two at a time, each with its own seconds; the output of what fails is shown whole. */
import { spawn } from "node:child_process";

const projects = ["--project", "unit", "--project", "counted"];

// The longest first, so that the short ones run beside it. By itself vitest leaves one core to others: on two that is half.
const steps: readonly (readonly [string, string, readonly string[]])[] = [
  ["unit tests and laws", "vitest", ["run", "--config", "test/vitest.config.ts", ...projects, "--maxWorkers=2"]],
  ["types", "tsc", ["-p", "."]],
  ["types of the console", "tsc", ["-p", "server/console"]],
  ["lint", "oxlint", ["--type-aware", "."]],
  ["format", "oxfmt", ["--check", "."]],
  ["imports", "depcruise", ["--config", ".dependency-cruiser.cjs", "shared", "agent", "server", "installers"]],
];

const waiting = [...steps];
await Promise.all([work(), work()]);

async function work(): Promise<void> {
  for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
    const [name, program, args] = step;
    const started = performance.now();
    const { code, output } = await run(program, args);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    process.stdout.write(`${code === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)\n`);
    if (code === 0) continue;
    process.exitCode = 1;
    process.stdout.write(`${output}\n`);
  }
}

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

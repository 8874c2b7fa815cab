import { defineConfig } from "vitest/config";

const unit = ["{shared,agent,server}/**/*.test.{ts,tsx}", "test/laws/**/*.test.ts"];
const counted = "{shared,agent,server}/**/*.counted.test.ts";
const never = ["**/node_modules/**", "**/dist/**"];

/** `unit` and `counted` are what `npm run check` runs; `system` starts real processes, browsers and chroots. */
export default defineConfig({
  root: new URL("..", import.meta.url).pathname,
  test: {
    // No test asks a public registry about this machine; what a test starts inherits it.
    env: { PROVOST_REGISTRIES: "off", PROVOST_TRUST_ROOTS: "off" },
    projects: [
      // One module graph for all files of a worker: half of the time went into loading the same modules for each file.
      {
        extends: true,
        // Long enough for a machine that does something else: no test is about time.
        test: { name: "unit", include: unit, exclude: [...never, counted], isolate: false, testTimeout: 30_000 },
      },
      // Tests that count the calls of a module put themselves in its place, so they need a graph of their own.
      { extends: true, test: { name: "counted", include: [counted], exclude: never, testTimeout: 30_000 } },
      {
        extends: true,
        test: {
          name: "system",
          include: ["test/{e2e,faults,kernels,attacks,scenarios}/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});

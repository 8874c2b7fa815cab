import { defineConfig } from "vitest/config";

const unit = ["{shared,agent,server}/**/*.test.{ts,tsx}", "test/laws/**/*.test.ts"];

/** Two projects: `unit` is what `npm run check` runs; `system` starts real processes, browsers and chroots. */
export default defineConfig({
  root: new URL("..", import.meta.url).pathname,
  test: {
    // No test asks a public registry about this machine; what a test starts inherits it.
    env: { PROVOST_REGISTRIES: "off", PROVOST_TRUST_ROOTS: "off" },
    projects: [
      // One module graph for all files of a worker: half of the time went into loading the same modules for each file.
      {
        extends: true,
        test: { name: "unit", include: unit, exclude: ["**/node_modules/**", "**/dist/**"], isolate: false },
      },
      {
        extends: true,
        test: {
          name: "system",
          include: ["test/{e2e,faults,attacks,scenarios}/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});

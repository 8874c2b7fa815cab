// The import law of the repository. docs/architecture.md explains it; this file enforces it.
const slot =
  "(shared/(?:ecosystems|provenance/(?:formats|containers)|actions)|agent/(?:sensors|ecosystems)|server/(?:store|detection/rules|intel|trust/(?:sources|upstreams)))";
const test = "\\.test\\.tsx?$";

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "shared-is-a-leaf",
      severity: "error",
      from: { path: "^shared/" },
      // Test code is forbidden to all but tests by nothing-imports-test-code.
      to: { path: "^(agent|server|installers)/" },
    },
    {
      name: "shared-does-no-io",
      severity: "error",
      from: { path: "^shared/", pathNot: test },
      to: { dependencyTypes: ["core"], pathNot: "^(node:)?crypto$" },
    },
    { name: "agent-knows-no-server", severity: "error", from: { path: "^agent/" }, to: { path: "^server/" } },
    { name: "server-knows-no-agent", severity: "error", from: { path: "^server/" }, to: { path: "^agent/" } },
    {
      name: "server-knows-no-console",
      severity: "error",
      from: { path: "^server/(?!console/)" },
      to: { path: "^server/console/" },
    },
    {
      name: "console-sees-only-shared",
      severity: "error",
      from: { path: "^server/console/" },
      to: { path: "^(server/(?!console/)|agent/)" },
    },
    {
      name: "console-runs-in-a-browser",
      severity: "error",
      from: { path: "^server/console/", pathNot: "vite\\.config\\.ts$|" + test },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "console-never-reaches-node",
      severity: "error",
      from: { path: "^server/console/", pathNot: "vite\\.config\\.ts$|" + test },
      to: { path: "^(node:)?crypto$", reachable: true },
    },
    {
      name: "nothing-imports-test-code",
      severity: "error",
      from: { pathNot: "^test/|" + test },
      to: { path: "^test/|" + test },
    },
    {
      name: "installers-import-nothing",
      severity: "error",
      from: { path: "^installers/", pathNot: test },
      // The bundler makes the artefacts that installers consume.
      to: { path: "^(shared|agent|server|test|node_modules)/", pathNot: "^node_modules/esbuild/" },
    },
    {
      name: "extensions-do-not-know-each-other",
      severity: "error",
      from: { path: `^${slot}/([^/]+)/` },
      to: { path: "^$1/[^/]+/", pathNot: "^$1/$2/" },
    },
    {
      name: "extensions-are-entered-by-their-index",
      severity: "error",
      from: { pathNot: `^${slot}/|^(agent|server)/main\\.ts$|^test/|` + test },
      to: { path: `^${slot}/[^/]+/` },
    },
  ],
  options: {
    // TypeScript 7 has no parser that a program may call; swc reads type-only imports too.
    parser: "swc",
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    // A package that lies in a workspace's own node_modules has a dist too, and its imports count.
    exclude: { path: "^(shared|agent|server|server/console)/dist/" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default"],
      extensions: [".ts", ".tsx", ".js", ".mjs"],
    },
  },
};

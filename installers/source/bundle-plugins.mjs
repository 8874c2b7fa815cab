// What both bundles leave out or load late: the one that runs from source and the one that packages carry.
import { readFile } from "node:fs/promises";

/** zod brings its messages in 50 languages; ours are read in English. */
export const englishOnly = {
  name: "english-only",
  setup(build) {
    build.onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js";',
      loader: "js",
    }));
  },
};

/** packageurl-js makes a collator of the user's language to sort eight names when it is loaded: 2 MB of tables that nothing else reads. */
export const withoutCollator = {
  name: "without-collator",
  setup(build) {
    build.onLoad({ filter: /\/packageurl-js\/src\/strings\.js$/ }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      const before = "const { compare: localeCompare } = new Intl.Collator()";
      if (!text.includes(before)) throw new Error(`${path} has changed: see whether it still makes a collator`);
      const after = "const localeCompare = (a, b) => (String(a) < String(b) ? -1 : 1)";
      return { contents: text.replace(before, after), loader: "js" };
    });
  },
};

/** `ws` asks for TLS at start, also where every address is ws://: 5 MB that a device need not hold until it does. */
export const tlsWhenUsed = (top) => ({
  name: "tls-when-used",
  setup(build) {
    build.onResolve({ filter: /^(?:https|tls)$/ }, ({ path, importer }) =>
      /\/node_modules\/ws\/lib\//.test(importer) ? { path, namespace: "when-used" } : undefined,
    );
    build.onLoad({ filter: /./, namespace: "when-used" }, ({ path }) => ({
      contents: ["connect", "request"]
        .map((name) => `exports.${name} = (...args) => require("node:${path}").${name}(...args);`)
        .join("\n"),
      loader: "js",
      resolveDir: top,
    }));
  },
});

/** Bundled CommonJS asks for `require`, and some of it for its own place. */
export const requireBanner =
  'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';

/** Where upstream evidence comes from: one folder per source, one line here. */
export * as debian from "./debian/index.ts";

import { expect, test } from "vitest";
import { shortLived } from "../../agent/gate/own-files.ts";

test("the gate knows every program that the agent starts of its own: none waits for its own answer", async () => {
  const list = new URL("../../installers/source/programs.mjs", import.meta.url).href;
  const { agentPrograms } = (await import(list)) as { readonly agentPrograms: Readonly<Record<string, string>> };
  const names = Object.keys(agentPrograms).map((name) => `${name}.js`);
  expect(new Set(["main.js", ...shortLived])).toEqual(new Set(names));
});

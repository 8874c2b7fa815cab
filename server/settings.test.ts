import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { serverSettings } from "./settings.ts";

test("docs/operate/settings.md lists every setting of the server, with its words", () => {
  const page = readFileSync(new URL("../docs/operate/settings.md", import.meta.url), "utf8");
  const rows = [
    ...page.slice(page.indexOf("## The server's")).matchAll(/^\| `([a-z-]+)` \| `([A-Z_]+)` \| (.+?) \| (.+?) \|$/gm),
  ].map(([, name, variable, what, otherwise]) => ({ name, variable, what, otherwise: otherwise?.replaceAll("`", "") }));
  expect(rows).toEqual(
    serverSettings.map(({ name, variable, what, otherwise }) => ({ name, variable, what, otherwise })),
  );
});

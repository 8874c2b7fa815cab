/** The single executable `provost-server`: the console's files lie in it and are put beside the data where a browser can be served them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const { getAssetKeys, getRawAsset } = process.getBuiltinModule("node:sea");
const state = process.env["PROVOST_SERVER_STATE"] ?? "/var/lib/provost-server";
if (process.env["PROVOST_CONSOLE"] === undefined && process.argv.length === 2) {
  const folder = join(state, "console");
  try {
    for (const key of getAssetKeys().filter((name) => name.startsWith("console/"))) {
      const file = join(state, key);
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(file, Buffer.from(getRawAsset(key)));
    }
    process.env["PROVOST_CONSOLE"] = folder;
  } catch (cause) {
    process.stderr.write(
      `provost-server: the console cannot be put into ${folder}: ${cause instanceof Error ? cause.message : String(cause)}\n`,
    );
    process.exit(1);
  }
}
process.argv[1] = process.execPath;
void import("./main.ts");

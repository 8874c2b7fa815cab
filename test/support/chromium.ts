import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The first Chromium on the PATH, if there is one. */
export function chromiumPath(): string | undefined {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter))
    for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
      const file = join(folder, name);
      if (runs(file)) return file;
    }
  return undefined;
}

function runs(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

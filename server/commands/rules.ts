import { AppError } from "@provost/shared/lib/app-error.ts";
import type { Command } from "./command.ts";

/** `provost-server rules lint FOLDER...`. The engine and its regular expressions are loaded only for it. */
export const rules: Command = async ([verb, ...words]) => {
  if (verb !== "lint") throw new AppError("CONFIG_INVALID", `rules ${verb ?? ""}: wanted rules lint FOLDER`);
  const { rulesLint } = await import("./rules-lint.ts");
  return rulesLint(
    words,
    (text) => process.stdout.write(text),
    (text) => process.stderr.write(text),
  );
};

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { roles } from "@provost/shared/model/role.ts";
import { addressFile } from "../address-file.ts";
import { newSignInLink, owner } from "../api/login.ts";
import { sqliteStore } from "../store/index.ts";
import type { Person } from "../store/store.ts";
import type { Command } from "./command.ts";
import { dataFolder } from "./data-folder.ts";

/** `provost-server sign-in [--role ROLE --name NAME]`: a link for one person, put into the data of the server that runs. */
export const signInLink: Command = (words, consoleFolder) => {
  const { person, settings } = readWords(words);
  const folder = dataFolder(settings, consoleFolder);
  let address: string;
  try {
    address = readFileSync(join(folder, addressFile), "utf8").trim();
  } catch (cause) {
    throw new AppError("STATE_UNUSABLE", `no server runs with the data in ${folder}`, {
      cause,
      remedy: "start it: systemctl start provost-server",
    });
  }
  const store = sqliteStore(folder);
  try {
    process.stdout.write(`${newSignInLink({ store, address: () => address, now: Date.now }, person)}\n`);
  } finally {
    store.close();
  }
  return 0;
};

/** Who the link is for, and the words that are settings. */
function readWords(words: readonly string[]): { readonly person: Person; readonly settings: readonly string[] } {
  const { values, tokens } = parseArgs({
    args: [...words],
    options: { role: { type: "string" }, name: { type: "string" } },
    strict: false,
    tokens: true,
  });
  const own = new Set<number>();
  for (const token of tokens)
    if (token.kind === "option" && (token.name === "role" || token.name === "name")) {
      own.add(token.index);
      if (token.inlineValue === false) own.add(token.index + 1);
    }
  return { person: personFrom(values["role"], values["name"]), settings: words.filter((_, at) => !own.has(at)) };
}

/** Every act is noted under the name, so only the owner may go without one, and nobody by one of the server's own. */
export function personFrom(role: unknown, name: unknown): Person {
  const known = role === undefined ? "owner" : roles.find((each) => each === role);
  if (known === undefined) throw new AppError("CONFIG_INVALID", `--role: wanted ${roles.join(", ")}`);
  if (name === undefined && known === "owner") return owner;
  if (typeof name !== "string" || !personName.test(name))
    throw new AppError(
      "CONFIG_INVALID",
      "--name: wanted a person's name of 64 letters, digits, spaces and . _ @ + - at most",
    );
  if (serverNames.test(name) && !(known === "owner" && name === owner.user))
    throw new AppError("CONFIG_INVALID", `--name: ${name} is a name of the server's own`);
  return { user: name, role: known };
}

const personName = /^[\p{L}\p{N}](?:[\p{L}\p{N} ._@+-]{0,62}[\p{L}\p{N}])?$/u;
/** Who else stands in the audit: the server, its policies, devices, tokens. */
const serverNames = /^(?:owner|provost|this server|policy \d+|dev_.*|token .*)$/i;

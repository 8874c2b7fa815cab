import { backup, restore } from "./backup.ts";
import type { Command } from "./command.ts";
import { configCheck } from "./config-check.ts";
import { completion, manual } from "./manual.ts";
import { rules } from "./rules.ts";
import { sessions } from "./sessions.ts";
import { signInLink } from "./sign-in.ts";
import { triage } from "./triage.ts";

export const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ["config", configCheck],
  ["sign-in", signInLink],
  ["backup", backup],
  ["restore", restore],
  ["rules", rules],
  ["triage", triage],
  ["sessions", sessions],
  ["completion", completion],
  ["manual", manual],
]);

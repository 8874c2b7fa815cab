import { bashCompletion } from "./bash-completion.ts";
import { fishCompletion } from "./fish-completion.ts";
import { unreachable } from "./unreachable.ts";
import type { VerbEntry } from "./verb-entry.ts";
import { zshCompletion } from "./zsh-completion.ts";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** What a shell reads to complete this program's command lines. */
export function shellCompletion(shell: Shell, name: string, table: readonly VerbEntry[]): string {
  switch (shell) {
    case "bash":
      return bashCompletion(name, table);
    case "zsh":
      return zshCompletion(name, table);
    case "fish":
      return fishCompletion(name, table);
    default:
      return unreachable(shell);
  }
}

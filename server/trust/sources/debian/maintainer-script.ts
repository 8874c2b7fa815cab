import { safeText } from "@provost/shared/lib/path-text.ts";
import type { ScriptMention } from "@provost/shared/provenance/package-proof.ts";

export interface ToolMention {
  readonly tool: "dpkg-divert" | "update-alternatives";
  readonly mention: ScriptMention;
}

/** A script names a handful; more would be an attempt to fill the manifest. */
export const maxMentions = 200;
const maxScriptBytes = 1 << 20;

/**
 * The lines of a maintainer script that call dpkg-divert or update-alternatives. The script is not run and not understood:
 * absolute paths written out in plain are named, everything the shell would have to expand is left as the line it is.
 */
export function scriptMentions(script: string, content: Buffer): readonly ToolMention[] {
  if (content.length > maxScriptBytes || content[0] !== 0x23 || content[1] !== 0x21) return [];
  const mentions: ToolMention[] = [];
  for (const raw of content.toString("utf8").replaceAll("\\\n", " ").split("\n")) {
    const line = raw.trim();
    const tool = toolOf(line);
    if (tool === undefined) continue;
    mentions.push({ tool, mention: mentionOf(script, tool, line) });
    if (mentions.length >= maxMentions) break;
  }
  return mentions;
}

function toolOf(line: string): ToolMention["tool"] | undefined {
  if (line.startsWith("#")) return undefined;
  const tool = /(?:^|[\s;&|("'`/])(dpkg-divert|update-alternatives)\s/.exec(`${line} `)?.[1];
  return tool === "dpkg-divert" || tool === "update-alternatives" ? tool : undefined;
}

function mentionOf(script: string, tool: ToolMention["tool"], line: string): ScriptMention {
  const words = line
    .slice(line.indexOf(tool))
    .split(/\s+/)
    .map((word) => word.replace(/^(["'])(.*)\1$/, "$2"));
  return {
    script,
    line: safeText(line.replaceAll(/\s+/g, " ").slice(0, 1000)),
    action: actionOf(tool, words),
    paths: words.filter((word) => /^\/[A-Za-z0-9._+@:/-]+$/.test(word)).slice(0, 100),
  };
}

function actionOf(tool: ToolMention["tool"], words: readonly string[]): ScriptMention["action"] {
  const has = (...options: readonly string[]): boolean => options.some((option) => words.includes(option));
  if (tool === "update-alternatives") {
    if (has("--install")) return "add";
    return has("--remove", "--remove-all") ? "remove" : "other";
  }
  if (has("--remove")) return "remove";
  // dpkg-divert(1): --add is what it does when no other action is named.
  return has("--list", "--listpackage", "--truename") ? "other" : "add";
}

import { execFileSync } from "node:child_process";
import { repositoryUrl } from "./repository-url.ts";

/** What git says of the folder that was built in. */
export interface GitCheckout {
  readonly commit: string;
  readonly repository: string | undefined;
  /** The tag that stands exactly here, else the branch. */
  readonly ref: string | undefined;
  /** Files that git follows differ from the commit. */
  readonly modified: boolean;
}

export function gitCheckout(folder: string): GitCheckout | undefined {
  const commit = git(folder, "rev-parse", "--verify", "HEAD");
  if (commit === undefined) return undefined;
  const tag = git(folder, "describe", "--tags", "--exact-match", "HEAD");
  const branch = git(folder, "symbolic-ref", "--quiet", "HEAD");
  return {
    commit,
    repository: repositoryUrl(git(folder, "config", "--get", "remote.origin.url") ?? ""),
    ref: tag === undefined ? branch : `refs/tags/${tag}`,
    modified: git(folder, "status", "--porcelain", "--untracked-files=no") !== undefined,
  };
}

/** The answer's text; none where git fails, says nothing, or is not there. A checkout may not name a program to run. */
function git(folder: string, ...args: readonly string[]): string | undefined {
  try {
    const text = execFileSync("git", ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", ...args], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 20_000,
      maxBuffer: 8 * 1024 * 1024,
    }).trim();
    return text === "" ? undefined : text;
  } catch {
    return undefined;
  }
}

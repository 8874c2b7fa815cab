import type { Level } from "@provost/shared/model/detection.ts";
import { pathInRoot } from "@provost/shared/model/observed.ts";
import { classOf, isPersonsHome } from "@provost/shared/model/watched-files.ts";
import { isKnownAs, isUnowned, programName } from "@provost/shared/model/work.ts";
import type { ReducerRule } from "../rule.ts";
import { hookOf, installationAbove } from "../../tree.ts";
import type { Hook } from "../../tree.ts";

/** Whose business it is to read them. */
const readers: readonly (readonly [RegExp, RegExp])[] = [
  [/\/\.ssh\//, /^(?:ssh|ssh-add|ssh-agent|ssh-keygen|scp|sftp|sshd|sshd-session|git)$/],
  [/\/\.(?:npmrc|yarnrc)$/, /^(?:node|npm|yarn|pnpm|corepack)$/],
  [/\/\.aws\//, /^(?:aws|terraform|sam|cdk)$/],
  [/\/\.kube\//, /^(?:kubectl|helm|k9s|kubelogin)$/],
  [/\/\.docker\//, /^(?:docker|dockerd|podman|buildx|docker-compose)$/],
  [/\/\.config\/gh\//, /^gh$/],
  [/\/\.config\/gcloud\//, /^(?:gcloud|gsutil|bq|python3?)$/],
  [/\/\.gnupg\//, /^(?:gpg|gpg2|gpg-agent|keyboxd|git)$/],
  [/\/\.(?:netrc|git-credentials)$/, /^(?:git|git-remote-https|curl|wget|ftp)$/],
  [/\/\.(?:mozilla|config\/(?:google-chrome|chromium))\//, /^(?:firefox\S*|chrome|chromium|google-chrome)$/],
  [
    /^\/etc\/g?shadow$/,
    /^(?:login|su|sudo|sshd|sshd-session|unix_chkpwd|passwd|chage|useradd|usermod|cron|systemd\S*|polkitd|pwck)$/,
  ],
];
const commands =
  /\bgh auth token\b|\bnpm (?:whoami|token)\b|\baws (?:sts|configure export-credentials)\b|\bgcloud auth print-access-token\b|\bgit credential fill\b|\bkubectl config view --raw\b|\b(?:trufflehog|gitleaks)\b/;

/** Somebody reads what others sign in with, who never did so before. */
export const credentialAccess: ReducerRule = {
  id: "provost.credential-access",
  title: "A program took credentials that it never took before",
  techniques: ["T1552.001", "T1528"],
  observe(event, { baseline, device }) {
    const { actor } = event;
    if (event.kind === "exec") {
      // `npm whoami` in a hook is asked by npm itself.
      const hook = installationAbove(actor);
      const line = [programName(actor), ...actor.arguments.slice(1)].join(" ");
      if (hook === undefined || hook.name === "dpkg" || !commands.test(line)) return undefined;
      return {
        level: "high",
        sentence: `${hook.says} asked for credentials: "${line.slice(0, 200)}".`,
        subject: { kind: "process", key: { pid: actor.pid, startedAt: actor.startedAt }, path: actor.executable },
      };
    }
    if (event.kind !== "file" || event.change !== "opened" || classOf(pathInRoot(event)) !== "credential")
      return undefined;
    const hook = hookOf(actor);
    const name = programName(actor);
    const isTheirs = readers.some(([path, who]) => path.test(event.path) && isKnownAs(actor, who));
    if (isTheirs && (hook === undefined || /\.(?:npmrc|yarnrc)$/.test(event.path))) return undefined;
    const identity = `${actor.sha256 ?? actor.executable} ${actor.arguments[1]?.startsWith("/") === true ? actor.arguments[1] : ""}`;
    const met = baseline.meet("reader", `${identity} ${event.path}`, device, event.at);
    if (met.onDevice && hook === undefined) return undefined;
    const isUnknown = isUnowned(actor.worth);
    return {
      level: isUnknown ? "high" : levelOf(hook, event.path, isTheirs),
      sentence:
        hook === undefined
          ? `${name} opened ${event.path} for the first time on this device.`
          : `${hook.says} opened ${event.path} by ${name}.`,
      subject: { kind: "file", path: event.path },
      ...(isUnknown ? { provenanceChange: 0.6 } : {}),
    };
  },
};

/** By a program that somebody answers for: what matters is for whom it reads. */
function levelOf(hook: Hook | undefined, path: string, isTheirs: boolean): Level {
  if (hook === undefined || hook.name === "dpkg") return "low";
  // A dependency that is fetched from git over ssh: ssh signs with the key and shows it to nobody.
  if (isTheirs) return /\/\.ssh\//.test(path) ? "low" : "medium";
  return isOfProject(path, hook.manager.directory) ? "low" : "high";
}

/** Settings of the very project that is installed; a home is no project. */
const isOfProject = (path: string, directory: string | undefined): boolean =>
  directory !== undefined &&
  directory !== "/" &&
  !isPersonsHome(directory) &&
  path.startsWith(`${directory}/`) &&
  /\/\.env(?:\.[a-z]+)?$/.test(path) &&
  !path.slice(directory.length).includes("/node_modules/");

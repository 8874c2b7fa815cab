import type { LineageProcess, Worth } from "@provost/shared/model/detection.ts";
import type { Standing } from "@provost/shared/model/verdict.ts";
import type { Observed, ObservedProcess } from "@provost/shared/model/observed.ts";
import { isInterpreter, isKnownAs, isUnowned, programName, upwards } from "@provost/shared/model/work.ts";
import { lineageOf } from "../events/describe.ts";

/**
 * Who is above a process, and what that says about it. Pure. What blames somebody may go by names; what spares somebody asks for bytes
 * that somebody answers for as well.
 */

interface Manager {
  readonly name: string;
  /** Its own program, or the script that an interpreter of this kind runs. */
  readonly program?: RegExp;
  readonly script?: RegExp;
  readonly interpreter?: RegExp;
  readonly module?: string;
  /** What it was asked for: to install packages, to run a package's program, or the owner's own scripts. */
  readonly asked: (words: readonly string[]) => Asked;
}

type Asked = "install" | "execute" | "run";

const node = /^(?:node|nodejs|bun|deno)$/;
const python = /^python[0-9.]*$/;
const installs =
  /^(?:install|i|in|ins|inst|add|ci|ic|cit|it|clean-install|install-clean|install-test|update|up|upgrade|rebuild|rb|dedupe)$/;
const executes = /^(?:exec|x|dlx|create|init)$/;
const runs = /^(?:run|run-script|rum|urn|start|stop|restart|test|t|tst|pack|publish|version)$/;
const always = (): Asked => "install";

/** By the first word that is a command of theirs: `npm run ci` runs, whatever the script is called. */
const byCommand =
  (bare: Asked) =>
  (words: readonly string[]): Asked => {
    for (const word of words) {
      if (installs.test(word)) return "install";
      if (executes.test(word)) return "execute";
      if (runs.test(word)) return "run";
    }
    return words.some((word) => !word.startsWith("-")) ? "run" : bare;
  };
const byWord =
  (pattern: RegExp) =>
  (words: readonly string[]): Asked =>
    words.some((word) => pattern.test(word)) ? "install" : "run";

const managers: readonly Manager[] = [
  { name: "npm", script: /(?:^|\/)(?:npm|npm-cli\.js)$/, interpreter: node, asked: byCommand("run") },
  { name: "npm", script: /(?:^|\/)(?:npx|npx-cli\.js)$/, interpreter: node, asked: () => "execute" },
  { name: "yarn", script: /(?:^|\/)(?:yarn|yarnpkg|yarn\.js)$/, interpreter: node, asked: byCommand("install") },
  { name: "pnpm", script: /(?:^|\/)pnpm(?:\.cjs)?$/, interpreter: node, asked: byCommand("run") },
  {
    name: "pip",
    script: /(?:^|\/)(?:pip3?(?:\.\d+)?|__pip-runner__\.py)$/,
    interpreter: python,
    module: "pip",
    asked: byWord(/^(?:install|download|wheel)$/),
  },
  { name: "dpkg", program: /^(?:dpkg|dpkg-deb|apt|apt-get|aptitude|unattended-upgr)$/, asked: always },
  {
    name: "rpm",
    program: /^(?:rpm|dnf|yum|zypper)$/,
    asked: byWord(/^(?:install|reinstall|update|upgrade|in|up|dup|--install|--upgrade|-[iUF][vh]*)$/),
  },
  { name: "apk", program: /^apk$/, asked: byWord(/^(?:add|fix|upgrade)$/) },
  { name: "gem", script: /(?:^|\/)gem$/, interpreter: /^ruby[0-9.]*$/, asked: byWord(/^(?:install|update)$/) },
  { name: "cargo", program: /^cargo$/, asked: byWord(/^(?:install|add|update)$/) },
];

/** The package manager that runs here, as far as names and the bytes of its program say. */
export const managerOf = (process: ObservedProcess): string | undefined =>
  isUnowned(process.worth) ? undefined : managers.find((manager) => isManager(manager, process))?.name;

/** It is here to install packages, and not to run the owner's scripts. */
export const isInstaller = (process: ObservedProcess): boolean =>
  managerOf(process) !== undefined && called(process)?.asked === "install";

function isManager({ program, script, interpreter, module }: Manager, process: ObservedProcess): boolean {
  if (program?.test(programName(process)) === true) return true;
  if (script?.test(process.executable) === true) return true;
  if (interpreter?.test(programName(process)) !== true) return false;
  if (module !== undefined && moduleOf(process) === module) return true;
  const path = scriptOf(process);
  return path !== undefined && script?.test(path) === true && isManagersPlace(path);
}

/** The script that an interpreter was given; a word further on is an argument and names nothing that runs. */
function scriptOf(process: ObservedProcess): string | undefined {
  if (!isInterpreter(process)) return undefined;
  const words = process.arguments.slice(1);
  const given = words.find((word) => !word.startsWith("-") || /^(?:-[cepm]|--eval|--print)$/.test(word));
  return given?.startsWith("-") === true ? undefined : given;
}

const moduleOf = ({ arguments: words }: ObservedProcess): string | undefined =>
  words[1] === "-m" || words[2] === "-m" ? words[words.indexOf("-m") + 1] : undefined;

/** Not where everybody may write, nor inside a package that a project brought: a package names its files as it likes. */
const isManagersPlace = (path: string): boolean =>
  path.startsWith("/") &&
  !/^\/(?:tmp|var\/tmp|dev\/shm)\//.test(path) &&
  (!path.includes("/node_modules/") || ownPlace.test(path));
const ownPlace = /^(?:(?!\/node_modules\/).)*\/lib\/node_modules\/(?:npm|yarn|pnpm|corepack)\/(?!.*\/node_modules\/)/;

/** Whatever calls itself a package manager, and what it was asked for: enough to look at what runs below it. */
function called(process: ObservedProcess): { readonly name: string; readonly asked: Asked } | undefined {
  const { arguments: words, executable } = process;
  // A program that gave itself a title ("npm install left-pad") has it as its first word.
  const [title = "", ...rest] = (words[0] ?? "").split(" ");
  for (const { name, program, script, module, asked } of managers) {
    // Installations of the system's packages are looked at less closely, so that a name does not do.
    if (program !== undefined && isKnownAs(process, program)) return { name, asked: asked(words.slice(1)) };
    if (module !== undefined && moduleOf(process) === module)
      return { name, asked: asked(words.slice(words.indexOf("-m") + 2)) };
    if (script === undefined) continue;
    const given = scriptOf(process) ?? words[1] ?? "";
    if (script.test(given)) return { name, asked: asked(words.slice(words.indexOf(given) + 1)) };
    if (script.test(executable) || script.test(title)) return { name, asked: asked([...rest, ...words.slice(1)]) };
  }
  return undefined;
}

export interface Hook {
  /** "npm install of event-stream". */
  readonly says: string;
  readonly manager: ObservedProcess;
  readonly name: string;
  /** The package whose script runs, where its folder tells. */
  readonly package?: string;
}

/** The package manager above a process that is not one itself: what a package brought runs while it is installed. */
export const hookOf = (process: ObservedProcess): Hook | undefined =>
  managerOf(process) === undefined ? installationAbove(process) : undefined;

/**
 * The installation that a process takes part in, be it a package manager too. `npm run` inside an install hook is still that hook's; a tool
 * that was started with npx and runs the owner's scripts has left what it was.
 */
export function installationAbove(process: ObservedProcess): Hook | undefined {
  const chain = [process, ...upwards(process)];
  let isOwners = false;
  for (const [at, above] of chain.entries()) {
    const manager = at === 0 ? undefined : called(above);
    if (manager === undefined) continue;
    if (manager.asked === "run") isOwners = true;
    if (manager.asked === "run" || (manager.asked === "execute" && isOwners)) continue;
    const owner = chain
      .slice(0, at)
      .map(({ directory }) => packageOf(directory))
      .find((found) => found !== undefined);
    return {
      manager: above,
      name: manager.name,
      says: `${manager.name}'s installation${owner === undefined ? "" : ` of ${owner}`}`,
      ...(owner === undefined ? {} : { package: owner }),
    };
  }
  return undefined;
}

const packageOf = (directory: string | undefined): string | undefined =>
  /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(directory ?? "")?.[1] ??
  /\/(?:site|dist)-packages\/([^/]+)/.exec(directory ?? "")?.[1];

/** Somebody signed in sits above it. */
export const isInteractive = ({ loginUid }: ObservedProcess): boolean => loginUid !== undefined;

const order: readonly Standing[] = ["refuted", "unproven", "unchecked", "signed", "proven"];

const worse = (a: Worth | undefined, b: Worth | undefined): Worth | undefined => {
  if (a === undefined || b === undefined) return a ?? b;
  // Unproven is what a package's record names, and what nothing claims: the latter is worth less.
  if (a.standing === b.standing) return isUnowned(b) ? b : a;
  return order.indexOf(a.standing) <= order.indexOf(b.standing) ? a : b;
};

/**
 * Where one person's or service's work begins: what lies above is not responsible for it. Who asks for other rights (`sudo`) is still the
 * same person.
 */
const borders = /^(?:systemd|init|sshd|sshd-session|login|cron|crond|containerd-shim\S*|runc)$/;

/** A process is worth at most what its program, its script and whoever started it are worth. */
export function lineageWithTags(event: Observed): LineageProcess[] {
  const chain = [event.actor, ...upwards(event.actor)];
  const border = chain.findIndex((process) => isKnownAs(process, borders));
  const tags: (Worth | undefined)[] = [];
  for (let at = chain.length - 1; at >= 0; at -= 1) {
    const own = at === 0 && event.kind === "exec" ? worse(chain[0]?.worth, event.scriptWorth) : chain[at]?.worth;
    tags[at] = border >= 0 && at >= border ? own : worse(own, tags[at + 1]);
  }
  return lineageOf(event.actor).map((process, at) => ({
    ...process,
    ...(at === 0 && event.kind === "exec" && event.script !== undefined ? { script: event.script } : {}),
    ...(tags[at] === undefined ? {} : { tag: tags[at] }),
  }));
}

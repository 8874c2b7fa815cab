import type { ObservedProcess } from "@provost/shared/model/observed.ts";
import { baseName, isInterpreter, isKnownAs, isShell, programName, upwards } from "@provost/shared/model/work.ts";
import type { ReducerRule } from "../rule.ts";
import { isInstaller, isInteractive } from "../../tree.ts";

const loadedMs = 30 * 86_400_000;
const library = /\.so(?:\.|$)/;
/** Starting shells is what they are for. */
const starters =
  /^(?:systemd\S*|init|sshd\S*|login|cron|crond|atd|su|sudo|dockerd|containerd\S*|runc|conmon|supervisord|tini|dumb-init|s6-\S+|runsv\S*|gitlab-runner|jenkins\S*|screen|tmux\S*|xterm|gnome-terminal\S*|at-spi\S*|make)$/;

/** A service that waits for the network starts a shell, for the first time, and nobody is signed in. */
export const daemonShell: ReducerRule = {
  id: "provost.daemon-shell",
  title: "A service started its first shell",
  techniques: ["T1059.004", "T1190"],
  observe(event, { baseline, recent, device }) {
    if (event.kind === "listen") {
      // Kept with what is usual, not in the short memory: a service listens for months, and this server is started again meanwhile.
      baseline.replace(listensKey(event.actor), device, `${event.local.address}:${event.local.port}`, event.at);
      return undefined;
    }
    if (event.kind === "file" && library.test(event.path) && isChange[event.change]) {
      recent.note("changed", event.path, event.path, event.at);
      return undefined;
    }
    if (event.kind === "memory" && event.what === "library") {
      const isChanged = recent.find("changed", event.name, event.at, loadedMs).length > 0;
      if (isChanged) recent.note("loads", keyOf(event.actor), event.name, event.at);
      return undefined;
    }
    if (event.kind !== "exec" || !isShell(event.actor)) return undefined;
    const { actor } = event;
    const daemon = actor.parent;
    if (daemon === undefined || isInteractive(actor) || isKnownAs(daemon, starters)) return undefined;
    // A package that is installed starts its service from a script.
    if ([daemon, ...upwards(daemon)].some(isInstaller)) return undefined;
    const listens = baseline.last(listensKey(daemon), device);
    if (listens === undefined) return undefined;
    const met = baseline.meet("shell", keyOf(daemon), device, event.at);
    if (met.onDevice) return undefined;
    // Only one that this very service was seen to load: thousands of others change with every upgrade.
    const changed = recent.find("loads", keyOf(daemon), event.at, loadedMs).at(-1);
    const after = changed === undefined ? "" : ` after the library ${baseName(changed)} changed`;
    const worth = daemon.worth === undefined ? "" : `${daemon.worth.standing} `;
    return {
      level: "high",
      sentence: `The ${worth}service ${programName(daemon)}, which listens at ${listens}, started its first shell${after}; nobody is signed in.`,
      subject: { kind: "process", key: { pid: actor.pid, startedAt: actor.startedAt }, path: actor.executable },
      provenanceChange: changed === undefined ? 0.2 : 0.5,
      facts: {
        command: actor.arguments.join(" ").slice(0, 1000),
        service: daemon.executable,
        ...(changed === undefined ? {} : { "library that changed": changed }),
      },
    };
  },
};

const isChange = {
  created: true,
  written: true,
  renamed: true,
  deleted: false,
  attributes: false,
  opened: false,
} as const;

/** A service is its program; one that an interpreter runs is its script as well. */
const keyOf = (process: ObservedProcess): string =>
  `${process.sha256 ?? process.executable}${isInterpreter(process) ? ` ${process.arguments[1] ?? ""}` : ""}`;

const listensKey = (process: ObservedProcess): string => `listens ${keyOf(process)}`;

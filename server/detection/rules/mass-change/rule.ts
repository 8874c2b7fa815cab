import type { ObservedProcess } from "@provost/shared/model/observed.ts";
import { isKnownAs, isUnowned, programName, upwards, workOf } from "@provost/shared/model/work.ts";
import type { ReducerRule } from "../rule.ts";
import { hookOf, isInstaller, managerOf } from "../../tree.ts";
import type { Hook } from "../../tree.ts";

/** Changing many files is what they are for. */
const changers =
  /^(?:git\S*|tar|bsdtar|unzip|7z\w*|rsync|cp|mv|rm|install|rmdir|find|make|ninja|ld\S*|as|cc1\w*|gcc|g\+\+|clang\S*|ar|strip|rustc|go|javac|dpkg\S*|apt\S*|rpm|dnf|updatedb\S*|logrotate|man-db|mandb|fc-cache|ldconfig|sqlite3|postgres|mysqld|mariadbd|mongod|redis-server|restic|borg|syncthing|systemd\S*|journald|snapd|flatpak|dockerd|containerd\S*|chromium|chrome|firefox\S*|code)$/;
const fewest = 10;

/** Many files that were there before are overwritten, renamed or removed by a program that never did so here. */
export const massChange: ReducerRule = {
  id: "provost.mass-change",
  title: "Many files were overwritten or removed",
  techniques: ["T1486", "T1485"],
  observe(event, { baseline, device }) {
    if (event.kind !== "file" || (event.count ?? 0) < fewest) return undefined;
    const { actor } = event;
    const hook = hookOf(actor);
    // Who did it is the process, or the whole work where that was counted.
    const work = event.spread === true ? workBelow(actor, hook) : actor;
    if (!isAnyUnowned(actor, workBelow(actor, hook))) {
      if (isKnownAs(actor, changers) && hook === undefined) return undefined;
      if (managerOf(actor) !== undefined) return undefined;
      if (
        hook === undefined &&
        [...upwards(actor)].some((above) => managerOf(above) !== undefined && !isInstaller(above))
      )
        return undefined;
    }
    const folder = event.path.split("/").slice(0, 4).join("/");
    const words = work.arguments.slice(1, 3).join(" ");
    const identity = `${work.sha256 ?? work.executable} ${words} ${folder}`;
    // From the second day on it is a habit.
    const met = baseline.meet("changer", identity, device, event.at);
    if (met.onDevice && met.firstAt !== undefined && event.at - met.firstAt > 86_400_000) return undefined;
    const verb = event.change === "deleted" ? "removed" : event.change === "renamed" ? "renamed" : "overwrote";
    const last = work !== actor ? ` by ${programName(actor)}` : "";
    return {
      level: "critical",
      sentence: `${programName(work)} (${words || work.executable}) ${verb} ${event.count} files within seconds, the last below ${folder}${last}${hook === undefined ? "" : `, during ${hook.says}`}; it never did so before.`,
      subject: { kind: "process", key: { pid: work.pid, startedAt: work.startedAt }, path: work.executable },
      facts: { "one of them": event.path },
    };
  },
};

/** The whole piece of work; of an installation, what the package brought and not the package manager. */
function workBelow(actor: ObservedProcess, hook: Hook | undefined): ObservedProcess {
  const work = workOf(actor);
  if (hook === undefined) return work;
  let first = actor;
  for (const above of upwards(actor)) {
    if (above.pid === hook.manager.pid || first === work) break;
    first = above;
  }
  return first;
}

function isAnyUnowned(actor: ObservedProcess, work: ObservedProcess): boolean {
  for (const process of [actor, ...upwards(actor)]) {
    if (isUnowned(process.worth)) return true;
    if (process === work) return false;
  }
  return false;
}

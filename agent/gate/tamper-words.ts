import type { Tampering } from "@provost/shared/model/event.ts";

/** What somebody did to a part of Provost, for the alarm that tells of it. */
export const tamperSays = ({ who, what, path, target, refused }: Tampering): string =>
  `${who.name} (process ${who.pid}, user ${who.user}) ${tamperWords[what]}${path === "" ? "" : ` ${path}`}${
    target === 0 ? "" : ` (process ${target})`
  }; ${refused ? "it was refused" : "it was only seen"}.`;

const tamperWords = {
  signal: "sent a signal to a part of Provost",
  ptrace: "reached into a part of Provost",
  write: "opened for writing what belongs to Provost:",
  unlink: "removed or renamed what belongs to Provost:",
  mount: "mounted over what belongs to Provost:",
  bpf: "reached for the sensor's programs in the kernel",
  client: "connected to the sensor beside the agent",
  unpinned: "took a pin of the sensor away",
  mark: "took a mark of the sensor away",
} as const;

export const tamperFacts = ({ who, what, detail, target, refused }: Tampering): Record<string, string> => ({
  what,
  pid: String(who.pid),
  parent: String(who.parent),
  user: String(who.user),
  ...(who.loginUser === undefined ? {} : { "login user": String(who.loginUser) }),
  name: who.name,
  detail: String(detail),
  ...(target === 0 ? {} : { target: String(target) }),
  refused: refused ? "yes" : "no",
});

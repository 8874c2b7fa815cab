import type { TriageProcess, TriageSocket } from "./bundle.ts";
import type { LeftOut } from "./look.ts";
import { first, linesOf, linkOf } from "./look.ts";

const mostSockets = 20_000;
const mostNamespaces = 16;

/** proc_pid_net(5): the sockets of the agent's network namespace, and of those that the looked-at processes live in. */
export function seeSockets(processes: readonly TriageProcess[], left: LeftOut): readonly TriageSocket[] {
  const holders = socketHolders(processes);
  const own = linkOf("/proc/self/ns/net");
  const others = new Map<string, number>();
  for (const { pid, detail } of processes) {
    const namespace = detail === undefined ? undefined : linkOf(`/proc/${pid}/ns/net`);
    if (namespace !== undefined && namespace !== own && !others.has(namespace)) others.set(namespace, pid);
  }
  const places = [undefined, ...first([...others.values()], mostNamespaces, "network namespaces", left)];
  return first(
    places.flatMap((pid) =>
      (["tcp", "tcp6", "udp", "udp6", "raw", "raw6"] as const).flatMap((protocol) =>
        linesOf(`/proc/${pid ?? "self"}/net/${protocol}`)
          .slice(1)
          .flatMap((line) => socketOf(protocol, line, holders, pid) ?? []),
      ),
    ),
    mostSockets,
    "sockets",
    left,
  );
}

/** Inode to the processes that hold it. */
function socketHolders(processes: readonly TriageProcess[]): ReadonlyMap<string, readonly number[]> {
  const holders = new Map<string, number[]>();
  for (const { pid, detail } of processes)
    for (const { path } of detail?.files ?? []) {
      const inode = /^socket:\[(\d+)\]$/.exec(path)?.[1];
      if (inode !== undefined) holders.set(inode, [...(holders.get(inode) ?? []), pid]);
    }
  return holders;
}

/** "0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12345 1 ...". */
export function socketOf(
  protocol: string,
  line: string,
  holders: ReadonlyMap<string, readonly number[]>,
  seenBy?: number,
): TriageSocket | undefined {
  const [, local, remote, state = "", , , , uid, , inode = ""] = line.trim().split(/\s+/);
  if (local === undefined || remote === undefined || uid === undefined) return undefined;
  return {
    protocol,
    local: addressOf(local),
    remote: addressOf(remote),
    state: protocol.startsWith("tcp") ? (tcpStates[state] ?? state) : state,
    uid: Number(uid),
    pids: [...new Set(holders.get(inode) ?? [])],
    ...(seenBy === undefined ? {} : { seenBy }),
  };
}

/** The kernel prints each group of four bytes as a number of this machine, which is little-endian wherever Provost runs. */
function addressOf(text: string): string {
  const [hex = "", port = "0"] = text.split(":");
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => (word.match(/../g) ?? []).toReversed());
  const number = Number.parseInt(port, 16);
  if (bytes.length === 4) return `${bytes.map((byte) => Number.parseInt(byte, 16)).join(".")}:${number}`;
  const groups = Array.from({ length: 8 }, (_unused, at) =>
    Number.parseInt(`${bytes[at * 2] ?? "00"}${bytes[at * 2 + 1] ?? "00"}`, 16).toString(16),
  );
  return `[${groups.join(":")}]:${number}`;
}

/** include/net/tcp_states.h. */
const tcpStates: Readonly<Record<string, string>> = {
  "01": "established",
  "02": "syn-sent",
  "03": "syn-received",
  "04": "fin-wait-1",
  "05": "fin-wait-2",
  "06": "time-wait",
  "07": "closed",
  "08": "close-wait",
  "09": "last-ack",
  "0A": "listening",
  "0B": "closing",
};

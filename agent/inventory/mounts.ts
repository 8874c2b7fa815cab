import { readFileSync } from "node:fs";
import { pathText } from "@provost/shared/lib/path-text.ts";

/** One line of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export interface Mount {
  readonly device: string;
  readonly root: string;
  readonly point: string;
  readonly type: string;
}

/** File systems without files of their own, and those whose files lie on another machine. */
const virtual = new Set(
  "proc sysfs devtmpfs devpts cgroup cgroup2 securityfs debugfs tracefs bpf pstore mqueue hugetlbfs configfs fusectl binfmt_misc autofs nsfs efivarfs rpc_pipefs selinuxfs".split(
    " ",
  ),
);
const remote = /^(nfs|nfs4|cifs|smb3|ceph|glusterfs|9p|afs|lustre|sshfs|fuse\..*|fuse)$/;

export interface SkippedMount {
  readonly point: string;
  readonly why: string;
}

export interface MountPlan {
  readonly skip: ReadonlySet<string>;
  readonly blind: readonly SkippedMount[];
  /** Where to start: "/" and what is mounted below a place that is skipped (/dev/shm below /dev). */
  readonly starts: readonly string[];
}

/** Which mount points a walk from "/" does not enter, and why. Only `blind` ones are news to the owner. */
export function planMounts(mounts: readonly Mount[]): MountPlan {
  const skip = new Set<string>();
  const blind: SkippedMount[] = [];
  const entered: Mount[] = [];
  for (const mount of mounts) {
    if (mount.point === "/") {
      entered.push(mount);
      continue;
    }
    const why = whyNot(mount, entered);
    if (why === undefined) entered.push(mount);
    else {
      skip.add(mount.point);
      if (why !== quiet) blind.push({ point: mount.point, why });
    }
  }
  const hidden = entered.filter((mount) => [...skip].some((point) => mount.point.startsWith(`${point}/`)));
  return { skip, blind, starts: ["/", ...new Set(hidden.map((mount) => mount.point))] };
}

const quiet = "";

function whyNot(mount: Mount, entered: readonly Mount[]): string | undefined {
  if (virtual.has(mount.type)) return quiet;
  if (remote.test(mount.type)) return `its files are on another machine (${mount.type}); they are judged when they run`;
  if (mount.type === "overlay")
    return "it is a container's merged view; its layers are seen, and its files are judged when they run";
  // The same file system mounted a second time: its files were seen under the first mount point.
  return entered.some((other) => other.device === mount.device && contains(other.root, mount.root)) ? quiet : undefined;
}

const contains = (outer: string, inner: string): boolean =>
  outer === "/" || inner === outer || inner.startsWith(`${outer}/`);

export function parseMounts(bytes: Uint8Array): readonly Mount[] {
  // Latin-1 keeps every byte apart until the octal escapes are undone; then paths become path text like the walk's.
  const text = Buffer.from(bytes).toString("latin1");
  return text.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const fields = before.split(" ");
    const [, , device, root, point] = fields;
    const type = after.split(" ")[0];
    if (device === undefined || root === undefined || point === undefined || type === undefined || type === "")
      return [];
    return [{ device, root: unescape(root), point: unescape(point), type }];
  });
}

/** proc_pid_mountinfo(5): space, tab, newline and backslash are written as octal. */
const unescape = (text: string): string =>
  pathText(
    Buffer.from(
      text.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
      "latin1",
    ),
  );

export function readMounts(): readonly Mount[] {
  try {
    return parseMounts(readFileSync("/proc/self/mountinfo"));
  } catch {
    return [];
  }
}

/**
 * What a device saw, under the field names that Sigma's rules for Linux ask for: Sysmon's for process_creation, file_event and
 * network_connection, the audit daemon's records for auditd. Pure; one observation may be several events.
 */
import type {
  Observed,
  ObservedConnection,
  ObservedExec,
  ObservedFile,
  ObservedModule,
  ObservedProcess,
} from "@provost/shared/model/observed.ts";
import { observedLimits } from "@provost/shared/model/observed.ts";
import { pathBytes } from "@provost/shared/lib/path-text.ts";
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { DetectionEvent, FieldValue, LogSource } from "../../rule.ts";

type Fields = Readonly<Record<string, FieldValue>>;

const auditd: LogSource = { product: "linux", service: "auditd" };
const category = (name: string): LogSource => ({ product: "linux", category: name, service: "sysmon" });

export function linuxEvents(observed: Observed): readonly DetectionEvent[] {
  switch (observed.kind) {
    case "exec":
      return [
        event(observed, category("process_creation"), processCreation(observed)),
        event(observed, auditd, execve(observed)),
        event(observed, auditd, syscall(observed, "execve")),
        ...(observed.script === undefined ? [] : [event(observed, auditd, auditPath(observed.script, "NORMAL"))]),
      ];
    case "file":
      return fileEvents(observed);
    case "connection":
      return [
        event(observed, category("network_connection"), networkConnection(observed)),
        event(observed, auditd, syscall(observed, observed.initiated ? "connect" : "accept4")),
      ];
    case "module":
      return [event(observed, auditd, moduleLoad(observed))];
    // Sigma has no words for these on Linux.
    // A start that is judged now was told before: whoever feeds it gives the start itself.
    case "judged":
    case "exit":
    case "listen":
    case "reach":
    case "memory":
      return [];
    default:
      return unreachable(observed);
  }
}

/**
 * What events of each log source can carry: nothing but `fields`, and of some fields nothing but certain values. `rules lint` names
 * the rules that ask for anything else. One entry for each shape; the audit daemon's records have one each.
 */
export interface Shape {
  readonly source: LogSource;
  readonly fields: RegExp;
  readonly only: Readonly<Record<string, readonly string[]>>;
  /** Fields that are absolute paths. */
  readonly paths?: RegExp;
}

/** Whatever else an event on Linux has, these fields begin with a slash and have no backslash between their parts. */
export const linuxPaths: Shape = {
  source: { product: "linux" },
  fields: /^/,
  only: {},
  paths: /^(?:Image|ParentImage|TargetFilename|SourceFilename|CurrentDirectory|exe)$/,
};

export const linuxShapes: readonly Shape[] = [
  {
    source: category("process_creation"),
    fields:
      /^(?:Image|CommandLine|CurrentDirectory|User|LogonId|TerminalSessionId|LoginUser|ProcessId|ParentProcessId|ParentImage|ParentCommandLine|ParentUser|Hashes|sha256|Computer|UtcTime|ScriptPath)$/,
    only: {},
  },
  {
    source: category("file_event"),
    fields: /^(?:TargetFilename|Image|User|ProcessId|Hashes|sha256|Computer|UtcTime)$/,
    only: {},
  },
  {
    source: category("file_delete"),
    fields: /^(?:TargetFilename|Image|User|ProcessId|Hashes|sha256|Computer|UtcTime)$/,
    only: {},
  },
  {
    source: category("file_rename"),
    fields: /^(?:TargetFilename|SourceFilename|Image|User|ProcessId|Hashes|sha256|Computer|UtcTime)$/,
    only: {},
  },
  {
    source: category("network_connection"),
    fields:
      /^(?:Image|User|ProcessId|Protocol|Initiated|SourceIp|SourcePort|DestinationIp|DestinationPort|DestinationHostname|Computer|UtcTime)$/,
    only: { Protocol: ["tcp", "udp"], Initiated: ["true", "false"] },
  },
  { source: auditd, fields: /^(?:type|a\d+|Computer|UtcTime)$/, only: { type: ["EXECVE"] } },
  {
    source: auditd,
    fields: /^(?:type|SYSCALL|success|exe|comm|pid|ppid|uid|gid|euid|auid|ses|UID|EUID|AUID|Computer|UtcTime)$/,
    only: { type: ["SYSCALL"], SYSCALL: ["execve", "connect", "accept4"] },
  },
  {
    source: auditd,
    fields: /^(?:type|name|nametype|Computer|UtcTime)$/,
    only: { type: ["PATH"], nametype: ["NORMAL", "CREATE", "DELETE"] },
  },
  { source: auditd, fields: /^(?:type|name|Computer|UtcTime)$/, only: { type: ["KERN_MODULE"] } },
];

function event({ id, at, host }: Observed, source: LogSource, fields: Fields): DetectionEvent {
  const plain: Record<string, FieldValue> = { Computer: host, UtcTime: new Date(at).toISOString() };
  for (const [name, value] of Object.entries(fields))
    plain[name] = typeof value === "string" ? plainText(value) : value;
  return { id, at, source, fields: plain };
}

/** Devices write paths and arguments as path text; a rule that looks for a backslash or a new line means the character. */
function plainText(text: string): string {
  if (!text.includes("\\")) return text;
  const bytes = pathBytes(text);
  return bytes === undefined ? text : new TextDecoder().decode(bytes);
}

function processCreation({ actor, script }: ObservedExec): Fields {
  const { parent } = actor;
  return {
    ...common(actor),
    CommandLine: commandLine(actor.arguments),
    ...(actor.directory === undefined ? {} : { CurrentDirectory: actor.directory }),
    LogonId: actor.uid,
    ...(actor.session === undefined ? {} : { TerminalSessionId: actor.session }),
    ...(actor.loginUid === undefined ? {} : { LoginUser: actor.loginUser ?? String(actor.loginUid) }),
    ...(actor.sha256 === undefined ? {} : { Hashes: `SHA256=${actor.sha256}`, sha256: actor.sha256 }),
    ...(script === undefined ? {} : { ScriptPath: script }),
    ...(parent === undefined
      ? {}
      : {
          ParentProcessId: parent.pid,
          ParentImage: parent.executable,
          ParentCommandLine: commandLine(parent.arguments),
          ParentUser: userName(parent),
        }),
  };
}

/** Not the command line: a keyword in it would be found again with each file and connection of its process. */
function common(actor: ObservedProcess): Fields {
  return {
    Image: actor.executable,
    User: userName(actor),
    ProcessId: actor.pid,
  };
}

/** Joined by blanks as Sysmon for Linux does, without quotes: rules are written against that. */
export function commandLine(parts: readonly string[]): string {
  return parts.slice(0, observedLimits.arguments).join(" ").slice(0, observedLimits.characters);
}

function userName({ user, uid }: Omit<ObservedProcess, "parent">): string {
  // The one user whose name is the same everywhere, and whom rules ask for by it.
  return user ?? (uid === 0 ? "root" : String(uid));
}

/** The record EXECVE: one field for each argument. No count beside them: a keyword such as 6 must not find it. */
function execve({ actor }: ObservedExec): Fields {
  const fields: Record<string, FieldValue> = { type: "EXECVE" };
  let characters = 0;
  for (const [at, argument] of actor.arguments.slice(0, observedLimits.arguments).entries()) {
    characters += argument.length;
    if (characters > observedLimits.characters) break;
    fields[`a${at}`] = argument;
  }
  return fields;
}

/** The record SYSCALL, without the command line, which auditd writes into another. Its a0 to a3 are registers, which nobody here saw, and its key is a word of the owner's audit.rules. */
function syscall({ actor }: Observed, name: string): Fields {
  return {
    type: "SYSCALL",
    SYSCALL: name,
    success: "yes",
    exe: actor.executable,
    comm: actor.name,
    pid: actor.pid,
    ...(actor.parent === undefined ? {} : { ppid: actor.parent.pid }),
    uid: actor.uid,
    euid: actor.uid,
    gid: actor.gid,
    ...(actor.user === undefined ? {} : { UID: actor.user, EUID: actor.user }),
    ...(actor.loginUid === undefined ? {} : { auid: actor.loginUid }),
    ...(actor.loginUser === undefined ? {} : { AUID: actor.loginUser }),
    ...(actor.session === undefined ? {} : { ses: actor.session }),
  };
}

function auditPath(name: string, nametype: string): Fields {
  return { type: "PATH", name, nametype };
}

/** Sigma's file_event is about new files; a file is new under its name also when it was renamed there. */
function fileEvents(observed: ObservedFile): readonly DetectionEvent[] {
  const { actor, change, path, before, sha256 } = observed;
  const fields: Fields = {
    ...common(actor),
    TargetFilename: path,
    ...(sha256 === undefined ? {} : { Hashes: `SHA256=${sha256}`, sha256 }),
  };
  switch (change) {
    case "created":
      return [event(observed, category("file_event"), fields), event(observed, auditd, auditPath(path, "CREATE"))];
    case "written":
      return [event(observed, category("file_event"), fields), event(observed, auditd, auditPath(path, "NORMAL"))];
    case "renamed":
      return [
        event(observed, category("file_event"), fields),
        event(observed, category("file_rename"), before === undefined ? fields : { ...fields, SourceFilename: before }),
        event(observed, auditd, auditPath(path, "CREATE")),
      ];
    case "deleted":
      return [event(observed, category("file_delete"), fields), event(observed, auditd, auditPath(path, "DELETE"))];
    case "attributes":
    case "opened":
      return [event(observed, auditd, auditPath(path, "NORMAL"))];
    default:
      return unreachable(change);
  }
}

function networkConnection({ actor, protocol, initiated, local, remote }: ObservedConnection): Fields {
  // Sysmon names both ends by direction: the source is whoever began it.
  const [from, to] = initiated ? [local, remote] : [remote, local];
  return {
    ...common(actor),
    Protocol: protocol,
    Initiated: String(initiated),
    SourceIp: from.address,
    SourcePort: from.port,
    DestinationIp: to.address,
    DestinationPort: to.port,
    ...(initiated && remote.name !== undefined ? { DestinationHostname: remote.name } : {}),
  };
}

function moduleLoad({ module }: ObservedModule): Fields {
  return { type: "KERN_MODULE", name: module };
}

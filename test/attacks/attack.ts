import type { SensorRecord } from "../../shared/model/event.ts";

/** One way to make unverified bytes run, and what would show that somebody noticed. */
export interface Attack {
  /** Names the row here, in the results and in docs/limitations.md. */
  readonly name: string;
  /** A sentence for a person. */
  readonly does: string;
  /** For the shell of the disposable root. $P is a folder of payloads made for this one run, $T the token they write, PATH leads to the programs. */
  readonly run: string;
  readonly signs: readonly Sign[];
  /** By default root's own: capabilities that would reach out of the root are gone (programs/enter.c). */
  readonly user?: number;
  /** Programs of the root that it cannot do without. Where one is missing, the attack is left out and said. */
  readonly needs?: readonly Need[];
  /** What it changes belongs to the whole kernel: only in a virtual machine of its own. */
  readonly wholeMachine?: true;
  /** It wants nothing to run, but good programs not to: its token tells that one did not. Tried in block mode alone. */
  readonly holdsUp?: true;
  /** How long it may take; twenty where it does not say. */
  readonly seconds?: number;
  /** Files of the root that it leaves behind, removed after it. */
  readonly leaves?: readonly string[];
}

export type Need =
  | "node"
  | "python"
  | "perl"
  | "coreutils"
  | "32-bit"
  | "modules"
  | "loop"
  | "second-file-system"
  | "shared-blocks"
  | "disk-maker"
  | "libc"
  | LoaderProgram;

/** Programs that start others; some machines lack one or another. */
export const loaderPrograms = ["git", "make", "vim", "gdb", "sed", "less", "crond"] as const;
export type LoaderProgram = (typeof loaderPrograms)[number];

/** Where the payloads of this run are, and their token: what a record must name. */
export interface Place {
  readonly folder: string;
  readonly token: string;
  /** SHA-256 of what was there from the start: a verdict on such a file shows nothing. */
  readonly good: ReadonlySet<string>;
}

/** Does this record show the attack? Naming what the attack is made of is not enough: it has to tell of the step that counts. */
export type Sign = (record: SensorRecord, place: Place) => boolean;

const names = (text: string, { folder, token }: Place): boolean => text.includes(`${folder}/`) || text.includes(token);

/** The payload was started: it is the program or the script of an exec. */
export const started: Sign = (record, place) =>
  record.kind === "exec" && (names(record.path, place) || names(record.called, place));

const interpreter = /\/(sh|dash|bash|busybox|env|python3[.\d]*|perl|mawk|node|ld-linux[^/]*)$/;

/** The payload was handed to an interpreter or a loader. What copies it or makes it executable names it too, and is not meant. */
export const handed: Sign = (record, place) =>
  record.kind === "exec" && interpreter.test(record.path) && record.arguments.some((word) => names(word, place));

/** An interpreter was started that reads its program from standard input: it has no argument. */
export const fed: Sign = (record) =>
  record.kind === "exec" && interpreter.test(record.path) && record.arguments.length === 1;

/** An interpreter was handed a descriptor instead of a file. */
export const handedDescriptor: Sign = (record) =>
  record.kind === "exec" &&
  interpreter.test(record.path) &&
  record.arguments.some((word) => /^\/(dev|proc\/self)\/fd\/|^\/dev\/stdin$/.test(word));

/** The gate judged the payload's bytes: in record mode afterwards. */
export const judged: Sign = (record, place) =>
  (record.kind === "ask" || record.kind === "gate") &&
  names(record.path, place) &&
  (record.digest === undefined || !place.good.has(record.digest));

export const memory: Sign = (record, place) => record.kind === "memfd" && names(record.name, place);

/**
 * A file among the payloads whose name begins so was changed, renamed or replaced; without a beginning, any. The sensor tells its path from
 * where it runs itself, so the folder stands somewhere in it.
 */
export const changed =
  (begin = ""): Sign =>
  (record, place) =>
    record.kind === "file" &&
    (record.path.includes(`${place.folder}/${begin}`) || (begin === "" && names(record.path, place)));

/** Attacks run one after another, each in processes of its own: a reach into another process in that time is this one's. */
export const reached: Sign = (record) => record.kind === "ptrace";
export const moduleLoaded: Sign = (record) => record.kind === "module";

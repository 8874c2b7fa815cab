import { Batch, Frame, limits } from "./frames.ts";

export type ReadBatch = { readonly ok: true; readonly batch: Batch } | { readonly ok: false; readonly why: string };

/**
 * A batch from outside, as a type or with the first thing wrong with it. The schemas collect every fault of a value, which a
 * hostile message of a million faults would turn into gigabytes: so the long lists are counted and looked over first, and
 * frames are read one by one, up to the first that is refused.
 */
export function readBatch(value: unknown): ReadBatch {
  if (!isObject(value) || !Array.isArray(value["frames"])) return refuse("frames: not a batch");
  const raw: readonly unknown[] = value["frames"];
  if (raw.length > limits.framesPerBatch) return refuse(`frames: more than ${limits.framesPerBatch}`);
  // The envelope's own schema wants one frame at least: it reads the first, and the loop below the rest.
  const head = Batch.safeParse({ ...value, frames: [placeholder] });
  if (!head.success) return refuse(firstIssue("", head.error.issues));
  if (raw.length === 0) return refuse("frames: none");
  const frames: Frame[] = [];
  for (const [index, item] of raw.entries()) {
    const excess = tooMuch(item, "frame", 0);
    if (excess !== undefined) return refuse(`frames.${index}.${excess}`);
    const read = Frame.safeParse(item);
    if (!read.success) return refuse(firstIssue(`frames.${index}.`, read.error.issues));
    frames.push(read.data);
  }
  return { ok: true, batch: { ...head.data, frames } };
}

const placeholder: Frame = { kind: "lost", lane: "telemetry", count: 0, why: "", at: 0 };

/** The most members that a list, or entries that a table, of this name has anywhere in a frame. */
export const most: Readonly<Record<string, number>> = {
  upserts: Math.max(limits.filesPerFrame, limits.packagesPerFrame),
  gone: Math.max(limits.filesPerFrame, limits.packagesPerFrame),
  records: 16,
  sources: 200,
  components: 50,
  architectures: 20,
  keyrings: 50,
  fingerprints: 50,
  files: 100_000,
  processes: limits.processesPerFrame,
  blind: 200,
  problems: 200,
  proofs: 1000,
  attested: 1000,
  arguments: limits.argumentsPerProcess,
  adds: 2,
  groups: 64,
  steps: 64,
  items: Math.max(limits.decisionsPerFrame, limits.alarmsPerFrame, limits.eventsPerFrame),
};
/** Files that one process maps: the place where a long list stands in a long list. */
const mappedPerProcess = 2000;
/** No object of the protocol has as many members, `facts` of a device included. */
const membersPerObject = 200;
const depthOfFrames = 8;

function tooMuch(value: unknown, name: string, depth: number): string | undefined {
  if (depth > depthOfFrames) return `${name}: nested too deep`;
  if (Array.isArray(value)) return tooMuchInList(value, name, depth);
  if (!isObject(value)) return undefined;
  const members = Object.keys(value);
  if (members.length > membersPerObject) return `${name}: more than ${membersPerObject} members`;
  for (const member of members) {
    const excess = tooMuch(value[member], member, depth + 1);
    if (excess !== undefined) return excess;
  }
  return undefined;
}

function tooMuchInList(list: readonly unknown[], name: string, depth: number): string | undefined {
  const max = name === "files" && depth > 2 ? mappedPerProcess : (most[name] ?? 0);
  if (list.length > max) return `${name.slice(0, 40)}: more than ${max}`;
  // A number takes two bytes and its fault hundreds: what programs were called with is looked over before the schema does.
  if (name === "arguments" && !list.every((item) => typeof item === "string")) return `${name}: malformed`;
  for (const item of list) {
    // The two lists that may be very long hold nothing but these: looked over here, so that the schema finds no faults there.
    if (name === "files" && !(depth > 2 ? isMapped(item) : isPlace(item))) return `${name}: malformed`;
    const excess = name === "files" ? undefined : tooMuch(item, name, depth + 1);
    if (excess !== undefined) return excess;
  }
  return undefined;
}

const isPlace = (item: unknown): boolean =>
  isObject(item) && typeof item["root"] === "string" && typeof item["path"] === "string";

const isMapped = (item: unknown): boolean =>
  isObject(item) &&
  Number.isSafeInteger(item["at"]) &&
  Number(item["at"]) >= 0 &&
  (item["note"] === undefined || (typeof item["note"] === "string" && item["note"].length <= 200));

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function firstIssue(
  before: string,
  issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[],
): string {
  const [issue] = issues;
  return `${before}${issue?.path.map(String).join(".") ?? ""} ${issue?.message ?? "malformed"}`.slice(0, 400);
}

const refuse = (why: string): ReadBatch => ({ ok: false, why });

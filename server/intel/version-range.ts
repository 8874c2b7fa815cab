import { compareVersions } from "@provost/shared/ecosystems/deb/version.ts";
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { EcosystemId } from "@provost/shared/model/inventory.ts";

/** OSV's schema, "affected[].ranges[].events": each has one of these. */
export interface RangeEvent {
  readonly at: "introduced" | "fixed" | "last_affected" | "limit";
  readonly version: string;
}
export type VersionRange = readonly RangeEvent[];

type Order = number | undefined;

/** OSV's own evaluation: the events before or at the version, in their order, say whether it is meant. */
export function isInRange(ecosystem: EcosystemId, version: string, range: VersionRange): boolean {
  const compare = (a: string, b: string): Order => compareInEcosystem(ecosystem, a, b);
  const limits = range.filter(({ at }) => at === "limit");
  if (limits.length > 0 && !limits.some((one) => one.version === "*" || (compare(version, one.version) ?? 0) < 0))
    return false;
  let isMeant = false;
  for (const event of sorted(range, compare)) {
    const order = event.version === "0" && event.at === "introduced" ? 1 : compare(version, event.version);
    // What cannot be compared is not taken to be meant: only a list of versions or "from the beginning" can say so.
    if (order === undefined) continue;
    if (event.at === "introduced" && order >= 0) isMeant = true;
    if (event.at === "fixed" && order >= 0) isMeant = false;
    if (event.at === "last_affected" && order > 0) isMeant = false;
  }
  return isMeant;
}

function sorted(range: VersionRange, compare: (a: string, b: string) => Order): VersionRange {
  const isFirst = ({ at, version }: RangeEvent): boolean => at === "introduced" && version === "0";
  return range
    .filter(({ at }) => at !== "limit")
    .toSorted((a, b) => {
      if (isFirst(a) !== isFirst(b)) return isFirst(a) ? -1 : 1;
      const order = compare(a.version, b.version) ?? 0;
      return order === 0 ? rank[a.at] - rank[b.at] : order;
    });
}

/** In the same version: fixed and introduced again means it; introduced and the last one means it alone. */
const rank: Readonly<Record<RangeEvent["at"], number>> = { fixed: 0, introduced: 1, last_affected: 2, limit: 3 };

/** As the ecosystem orders versions; undefined: one of them is none that it can order. */
export function compareInEcosystem(ecosystem: EcosystemId, a: string, b: string): Order {
  switch (ecosystem) {
    case "npm":
      return ordered(semver(a), semver(b), compareSemver);
    case "pypi":
      return ordered(pep440(a), pep440(b), compareParts);
    case "deb":
      return compareVersions(a, b);
    default:
      return unreachable(ecosystem);
  }
}

const ordered = <T>(a: T | undefined, b: T | undefined, compare: (a: T, b: T) => number): Order =>
  a === undefined || b === undefined ? undefined : compare(a, b);

type Part = number | string;
interface Semver {
  readonly numbers: readonly number[];
  readonly pre: readonly Part[];
}

/** Semantic Versioning 2.0.0; build metadata does not count. */
function semver(text: string): Semver | undefined {
  const match = /^v?(\d{1,15})(?:\.(\d{1,15}))?(?:\.(\d{1,15}))?(?:-([0-9A-Za-z.-]{1,200}))?(?:\+.*)?$/.exec(text);
  if (match === null) return undefined;
  const [, major, minor = "0", patch = "0", pre] = match;
  return {
    numbers: [Number(major), Number(minor), Number(patch)],
    pre: pre === undefined ? [] : pre.split(".").map((part) => (/^\d{1,15}$/.test(part) ? Number(part) : part)),
  };
}

/** Rule 11: a version before its release is smaller than the release. */
function compareSemver(a: Semver, b: Semver): number {
  const numbers = compareParts(a.numbers, b.numbers);
  if (numbers !== 0) return numbers;
  if (a.pre.length === 0 || b.pre.length === 0) return b.pre.length - a.pre.length;
  return compareParts(a.pre, b.pre);
}

/** Numbers are smaller than texts; of two that begin alike the shorter is smaller. */
function compareParts(a: readonly Part[], b: readonly Part[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const [left, right] = [a[at], b[at]];
    if (left === right) continue;
    if (left === undefined) return -1;
    if (right === undefined) return 1;
    if (typeof left !== typeof right) return typeof left === "number" ? -1 : 1;
    return left < right ? -1 : 1;
  }
  return 0;
}

/**
 * PEP 440 as numbers that compare in its order: epoch, release without zeros at its end, then what comes before it (development, a, b,
 * rc), the release itself, what comes after it. A local label does not count: nobody publishes one.
 */
function pep440(text: string): readonly number[] | undefined {
  const match =
    /^v?(?:(\d{1,9})!)?(\d{1,15}(?:\.\d{1,15}){0,20})(?:[-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?(\d{0,9}))?(?:-(\d{1,9})|[-_.]?(post|rev|r)[-_.]?(\d{0,9}))?(?:[-_.]?(dev)[-_.]?(\d{0,9}))?(?:\+[a-z0-9._-]*)?$/i.exec(
      text.trim(),
    );
  if (match === null) return undefined;
  const [, epoch = "0", release = "", pre, preNumber, implicitPost, post, postNumber, dev, devNumber] = match;
  const numbers = release.split(".").map(Number);
  while (numbers.length > 1 && numbers.at(-1) === 0) numbers.pop();
  const hasPost = implicitPost !== undefined || post !== undefined;
  const phase = pre === undefined ? (dev !== undefined && !hasPost ? 0 : 4) : (phases[pre.toLowerCase()] ?? 3);
  return [
    Number(epoch),
    ...Array.from({ length: 22 }, (_unused, at) => numbers[at] ?? 0),
    phase,
    Number(preNumber ?? 0),
    hasPost ? Number(implicitPost ?? (postNumber === "" ? 0 : postNumber)) : -1,
    dev === undefined ? Number.MAX_SAFE_INTEGER : Number(devNumber === "" ? 0 : devNumber),
  ];
}

const phases: Readonly<Record<string, number>> = { a: 1, alpha: 1, b: 2, beta: 2, c: 3, rc: 3, pre: 3, preview: 3 };

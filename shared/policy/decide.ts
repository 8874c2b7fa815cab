import type { Instant } from "../model/ids.ts";
import type { Built } from "./built.ts";
import {
  actions,
  named,
  type Action,
  type Exception,
  type Expectation,
  type Match,
  type Otherwise,
  type Policy,
  type Requirement,
} from "./rules.ts";
import type { Situation } from "./situation.ts";

/** What the owner's policy does about a file, and by which of its rules. */
export interface Decision {
  readonly action: Action;
  /** In record mode: what would have happened. */
  readonly would?: Action;
  readonly cause: "allowed" | "refuted" | "exception" | "requirement" | "expectation" | "fault";
  /** The rule's name in the policy; none where no rule applied. */
  readonly rule?: string;
  readonly why: string;
  readonly policy: number;
}

/**
 * Precedence: refuted, then an explicit exception, then expectations and requirements, then mode. Evidence against a file cannot be
 * excepted away; an exception that has expired is as if it were not there.
 */
export function decide(situation: Situation, policy: Policy, now: Instant): Decision {
  const ruled = ruling(situation, policy, now);
  const decision = { ...ruled, policy: policy.number };
  if (policy.mode === "enforce" || strength(ruled.action) <= strength("record")) return decision;
  return { ...decision, action: "record", would: ruled.action };
}

type Ruling = Omit<Decision, "policy" | "would">;

function ruling(situation: Situation, policy: Policy, now: Instant): Ruling {
  const { verdict } = situation;
  const applying = policy.requirements.filter(({ match }) => applies(match, situation));
  if (verdict.standing === "refuted")
    return { action: strongest(applying, policy.otherwise, "refuted"), cause: "refuted", why: verdict.says };
  const exception = policy.exceptions.find((one) => excepts(one, situation, now));
  if (exception !== undefined)
    return {
      action: "allow",
      cause: "exception",
      rule: exception.name,
      why: `${exception.owner} excepted it until ${new Date(exception.expires).toISOString()}: ${exception.reason}`,
    };
  const broken = [...unexpected(situation, policy, now), ...unmet(situation, applying, policy)];
  const [worst] = broken.sort((a, b) => strength(b.action) - strength(a.action));
  return worst ?? { action: "allow", cause: "allowed", why: verdict.says };
}

const strength = (action: Action): number => actions.indexOf(action);

function strongest(requirements: readonly Requirement[], otherwise: Otherwise, cause: keyof Otherwise): Action {
  const own = requirements.flatMap((one) => one.otherwise[cause] ?? []);
  return [otherwise[cause], ...own].sort((a, b) => strength(b) - strength(a))[0] ?? otherwise[cause];
}

function applies(match: Match, situation: Situation): boolean {
  return tableApplies(match, situation) && (match.when === undefined || match.when.holds(situation) !== false);
}

/** A condition that faults requires (fail closed) but never excepts. */
function excepts({ match, expires }: Exception, situation: Situation, now: Instant): boolean {
  if (now > expires || !tableApplies(match, situation)) return false;
  if (match.sha256 !== undefined && match.sha256 !== situation.file.sha256) return false;
  return match.when === undefined || match.when.holds(situation) === true;
}

function tableApplies(match: Match, { device, file }: Situation): boolean {
  return (
    (match.group === undefined || device.groups.includes(match.group)) &&
    (match.user === undefined || match.user === file.user) &&
    named(match.path, file.path) &&
    named(match.package, file.package) &&
    (match.privileged === undefined || match.privileged === file.privileged) &&
    (match.listening === undefined || match.listening === file.listening)
  );
}

function unmet(situation: Situation, applying: readonly Requirement[], policy: Policy): Ruling[] {
  const { verdict } = situation;
  return applying.flatMap((requirement): Ruling[] => {
    const lacks = lacking(requirement, situation);
    if (lacks === undefined) return [];
    const cause = verdict.standing === "unchecked" ? (verdict.basis === "deadline" ? "late" : "unchecked") : "unproven";
    const action = requirement.otherwise[cause] ?? policy.otherwise[cause];
    return [{ action, cause: "requirement", rule: requirement.name, why: `${lacks}. ${verdict.says}` }];
  });
}

function lacking({ standings, bases, minimumLevel, name }: Requirement, { verdict }: Situation): string | undefined {
  if (!standings.includes(verdict.standing))
    return `"${name}" wants it ${standings.join(" or ")}, and it is ${verdict.standing}`;
  if (bases !== undefined && !bases.includes(verdict.basis))
    return `"${name}" wants ${bases.join(" or ")}, and it is ${verdict.basis}`;
  const level = verdict.standing === "proven" ? (verdict.slsaLevel ?? 0) : 0;
  if (minimumLevel !== undefined && level < minimumLevel)
    return `"${name}" wants SLSA Build level ${minimumLevel}, and it has ${level}`;
  return undefined;
}

function unexpected(situation: Situation, { expectations, otherwise }: Policy, now: Instant): Ruling[] {
  return expectations
    .filter((one) => situation.file.package !== undefined && named(one.package, situation.file.package))
    .flatMap((one) =>
      breaches(one, situation, now).map((why): Ruling => ({
        action: otherwise.unexpected,
        cause: "expectation",
        rule: one.name,
        why,
      })),
    );
}

function breaches(one: Expectation, { verdict, file, history }: Situation, now: Instant): string[] {
  const level = verdict.standing === "proven" ? (verdict.slsaLevel ?? 0) : 0;
  const rank = ["unproven", "signed", "proven"];
  const found: (string | false)[] = [
    !named(one.source, file.source) && `its source is ${file.source ?? "not named"}, not ${one.source?.text ?? ""}`,
    !named(one.signer, file.signer) && `its signer is ${file.signer ?? "not named"}, not ${one.signer?.text ?? ""}`,
    !named(one.builder, file.builder) &&
      `its builder is ${file.builder ?? "not named"}, not ${one.builder?.text ?? ""}`,
    ...unlikeBuilt(one, file.built ?? {}),
    one.minimumLevel !== undefined &&
      level < one.minimumLevel &&
      `its SLSA Build level is ${level}, not ${one.minimumLevel}`,
    one.noDowngrade &&
      history?.bestStanding !== undefined &&
      rank.indexOf(verdict.standing) < rank.indexOf(history.bestStanding) &&
      `it is ${verdict.standing}, and this package was ${history.bestStanding} before`,
    one.noDowngrade &&
      (history?.bestLevel ?? 0) > level &&
      `its SLSA Build level is ${level}, and was ${history?.bestLevel ?? 0} before`,
    one.noDowngrade &&
      history?.lastSource !== undefined &&
      history.lastSource !== file.source &&
      `its source is ${file.source ?? "not named"}, and was ${history.lastSource} before`,
    one.minimumAgeHours !== undefined &&
      (history?.releasedAt === undefined || now - history.releasedAt < one.minimumAgeHours * 3_600_000) &&
      `it is not known to be ${one.minimumAgeHours} hours old`,
    one.seenOnDevices !== undefined &&
      (history?.seenOnDevices ?? 0) < one.seenOnDevices &&
      `it was seen on ${history?.seenOnDevices ?? 0} devices, fewer than ${one.seenOnDevices}`,
  ];
  return found.filter((why) => why !== false);
}

/** What evidence does not say is not as expected: a threshold is met by what holds, never by silence. */
function unlikeBuilt(one: Expectation, built: Built): string[] {
  const texts = (
    ["owner", "ref", "branch", "tag", "commit", "workflow", "buildType", "issuer", "verifier"] as const
  ).flatMap((name) =>
    named(one[name], built[name])
      ? []
      : [`its ${builtWords[name]} is ${built[name] ?? "not named"}, not ${one[name]?.text ?? ""}`],
  );
  const inputs = Object.entries(one.inputs ?? {}).flatMap(([name, rule]) =>
    named(rule, built.inputs?.[name])
      ? []
      : [`its build input ${name} is ${built.inputs?.[name] ?? "not named"}, not ${rule.text}`],
  );
  const levels = (one.verifiedLevels ?? []).filter((level) => built.verifiedLevels?.includes(level) !== true);
  const rest: (string | false)[] = [
    one.runner !== undefined &&
      one.runner !== built.runner &&
      `its runner is ${built.runner ?? "not named"}, not ${one.runner}`,
    fewer(built.logEntries, one.minimumLogEntries) &&
      `it stands in ${built.logEntries ?? 0} transparency logs, fewer than ${one.minimumLogEntries ?? 0}`,
    fewer(built.times, one.minimumTimes) &&
      `${built.times ?? 0} proofs tell when it was signed, fewer than ${one.minimumTimes ?? 0}`,
    levels.length > 0 && `its verification summary does not state ${levels.join(", ")}`,
  ];
  return [...texts, ...inputs, ...rest.filter((why) => why !== false)];
}

const fewer = (got: number | undefined, wanted: number | undefined): boolean =>
  wanted !== undefined && (got ?? 0) < wanted;

const builtWords = {
  owner: "source's owner",
  ref: "source reference",
  branch: "branch",
  tag: "tag",
  commit: "source commit",
  workflow: "workflow",
  buildType: "build type",
  issuer: "signer's issuer",
  verifier: "verifier",
} as const;

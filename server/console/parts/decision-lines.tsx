import type { Answer } from "@provost/shared/protocol/api.ts";
import { address } from "../address.ts";
import { count } from "./number-words.ts";
import { OutcomeBadge } from "./outcome-badge.tsx";
import { Path } from "./path.tsx";
import { Time } from "./time.tsx";
import { absolute } from "./time-words.ts";
import { visible } from "./visible-text.ts";

export type Decision = Answer<"decisions">["rows"][number];

/** A few decisions, newest first, each with what came of it and why. */
export function DecisionLines(props: {
  readonly rows: readonly Decision[];
  readonly label: string;
  /** On pages about a file the device is news; on a device's page the file is. */
  readonly about: "file" | "device";
}) {
  return (
    <ul aria-label={props.label} className="flex max-h-[26rem] flex-col divide-y divide-line overflow-auto">
      {props.rows.map((row) => (
        <li key={row.id} className="flex flex-col gap-1 py-2.5 first:pt-0 last:pb-0">
          <span className="flex flex-wrap items-center justify-between gap-x-3 gap-y-1">
            <span className="flex min-w-0 items-center gap-2.5">
              <OutcomeBadge outcome={row.outcome} />
              {props.about === "device" ? (
                <a className="inline-link truncate text-sm" href={address.device(row.device)}>
                  {visible(row.deviceName)}
                </a>
              ) : (
                <Path
                  path={row.path}
                  root={row.root}
                  {...(row.executable === undefined ? {} : { href: address.executable(row.executable) })}
                />
              )}
            </span>
            <span className="shrink-0 text-xs text-soft">
              <Times decision={row} /> <Time at={row.at} brief />
            </span>
          </span>
          <span className="line-clamp-3 text-sm wrap-anywhere" title={visible(row.why)}>
            {visible(row.why)}
          </span>
          <span className="text-xs text-soft wrap-anywhere">
            {accessWords[row.access]} by {asker(row)} · {reasonOf(row)} · <Code code={row.code} />
          </span>
        </li>
      ))}
    </ul>
  );
}

export function Times({ decision: { count: n, lastAt } }: { readonly decision: Pick<Decision, "count" | "lastAt"> }) {
  return n === 1 ? undefined : (
    <span
      className="font-semibold tabular-nums"
      title={lastAt === undefined ? undefined : `The last one: ${absolute(lastAt)}`}
    >
      {count(n)}×
    </span>
  );
}

export function Code({ code }: { readonly code: string }) {
  return (
    <span title={`On the device: provost why ${code}`}>
      code <code className="font-mono">{code}</code>
    </span>
  );
}

export const accessWords: Readonly<Record<Decision["access"], string>> = {
  exec: "Executed",
  library: "Loaded as a library",
  script: "Run as a script",
  input: "Read by an interpreter",
};

/** "bash, process 4123 of user 1000". */
export function asker({ process }: Decision): string {
  const name = visible(process.executable).split("/").at(-1);
  const who = name === undefined || name === "" ? "a program without a name" : name;
  const login =
    process.loginUid === undefined || process.loginUid === process.uid ? "" : `, signed in as ${process.loginUid}`;
  return `${who}, process ${process.pid} of user ${process.uid}${login}`;
}

/** Which rule or failure decided, and under which policy. */
export function reasonOf({ cause, rule, policy, mode }: Decision): string {
  return `${rule === undefined ? (causeWords[cause] ?? visible(cause)) : `rule ${visible(rule)}`}, policy ${policy}, mode ${mode}`;
}

const causeWords: Readonly<Record<string, string>> = {
  allowed: "the policy allows it",
  refuted: "evidence contradicts it",
  exception: "by an exception",
  lineage: "made on this device by a known compiler or package manager",
  requirement: "a requirement",
  expectation: "an expectation",
  fault: "the policy is at fault",
  late: "no answer in time",
  overloaded: "too much at once",
  unreadable: "it could not be read",
  "agent-gone": "the agent did not answer",
  restarted: "the sensor had just started",
  unseen: "nobody had asked about it",
  core: "the system cannot do without it",
};

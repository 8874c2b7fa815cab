import { Wifi, WifiOff } from "lucide-react";
import type { ReactNode } from "react";
import { address } from "../../address.ts";
import { count } from "../../parts/number-words.ts";
import { Panel } from "../../parts/page.tsx";
import { Progress, running, ScanProgress } from "../../parts/scan-progress.tsx";
import { visible } from "../../parts/visible-text.ts";
import type { OverviewData } from "./overview-data.ts";

/** The side of the overview: devices, what they are doing, packages and the proofs derived for them. */
export function Fleet({ overview }: { readonly overview: OverviewData }) {
  return (
    <div className="flex min-w-0 flex-col gap-5">
      <Devices devices={overview.devices} />
      <Scans scans={overview.scans} />
      <Proofs proofs={overview.proofs} />
      <Packages packages={overview.packages} />
    </div>
  );
}

function Devices({ devices }: Pick<OverviewData, "devices">) {
  return (
    <Panel
      title="Devices"
      note={
        <a className="inline-link" href={address.devices()}>
          Open
        </a>
      }
    >
      <dl className="flex gap-8">
        <Figure name="enrolled" value={devices.total} />
        <Figure name="online" value={devices.online} tone="proven" icon={<Wifi size={14} aria-hidden="true" />} />
        <Figure
          name="silent"
          value={devices.silent}
          {...(devices.silent > 0 ? { tone: "unproven" } : {})}
          icon={<WifiOff size={14} aria-hidden="true" />}
        />
      </dl>
    </Panel>
  );
}

function Figure(props: {
  readonly name: string;
  readonly value: number;
  readonly tone?: string;
  readonly icon?: ReactNode;
}) {
  return (
    <div data-tone={props.tone} className="flex flex-col-reverse">
      <dt className="flex items-center gap-1.5 text-xs font-medium text-tone">
        {props.icon}
        {props.name}
      </dt>
      <dd className="text-xl font-semibold tabular-nums">{count(props.value)}</dd>
    </div>
  );
}

/** Scans at work first, then those that failed; finished ones are on the device's page. */
function Scans({ scans }: Pick<OverviewData, "scans">) {
  const shown = scans.filter(({ scan }) => running(scan) || scan.state === "failed").slice(0, scansShown);
  const done = scans.filter(({ scan }) => scan.state === "done").length;
  return (
    <Panel title="Scans" note={`${count(done)} of ${count(scans.length)} finished`}>
      {shown.length === 0 ? (
        <p className="text-sm text-soft">No scan is running. Changes are judged as they happen.</p>
      ) : (
        <ul className="flex flex-col gap-4">
          {shown.map(({ device, deviceName, scan }) => (
            <li key={device}>
              <a className="text-sm font-semibold hover:underline" href={address.device(device)}>
                {visible(deviceName)}
              </a>
              <ScanProgress scan={scan} label={deviceName} />
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

const scansShown = 6;

function Proofs({ proofs }: Pick<OverviewData, "proofs">) {
  const settled = proofs.wanted - proofs.pending;
  const part = proofs.wanted === 0 ? 1 : settled / proofs.wanted;
  return (
    <Panel title="Package proofs" note={`${count(settled)} of ${count(proofs.wanted)} settled`}>
      <Progress label="Package versions whose proof is settled" part={part} />
      <dl className="mt-3 grid grid-cols-2 gap-x-6 gap-y-1 text-sm">
        {proofStates.map(({ state, word, means }) => (
          <div key={state} className="flex justify-between gap-2">
            <dt title={means}>
              <a className="hover:underline" href={address.packages({ proof: [state] })}>
                {word}
              </a>
            </dt>
            <dd className="font-semibold tabular-nums">{count(proofs[state])}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}

const proofStates = [
  { state: "derived", word: "Derived", means: "a signed archive's manifest was read" },
  { state: "pending", word: "Pending", means: "waiting its turn" },
  { state: "lapsed", word: "Lapsed", means: "no longer in a signed index" },
  { state: "unsupported", word: "Unsupported", means: "a format that cannot be read yet" },
  { state: "failed", word: "Failed", means: "the evidence could not be fetched or did not verify" },
] as const;

function Packages({ packages }: Pick<OverviewData, "packages">) {
  const entries = Object.entries(packages.byEcosystem).toSorted(([, a], [, b]) => b - a);
  return (
    <Panel
      title="Packages"
      note={
        <a className="inline-link" href={address.packages()}>
          Open {count(packages.total)}
        </a>
      }
    >
      <dl className="flex flex-wrap gap-x-8 gap-y-2">
        {entries.map(([name, amount]) => (
          <div key={name} className="flex flex-col-reverse">
            <dt className="text-xs text-soft">{visible(name)}</dt>
            <dd className="text-lg font-semibold tabular-nums">{count(amount)}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}

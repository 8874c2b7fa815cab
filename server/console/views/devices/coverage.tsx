import { EyeOff } from "lucide-react";
import { bytes, count } from "../../parts/number-words.ts";
import { Facts, Panel } from "../../parts/page.tsx";
import { Time } from "../../parts/time.tsx";
import { visible } from "../../parts/visible-text.ts";
import type { DeviceData } from "./device-data.ts";

/** What Provost sees on this device, by which means, and what it does not see. */
export function Coverage({ device }: { readonly device: DeviceData }) {
  return (
    <Panel title="Coverage">
      <Facts
        facts={[
          ["Mode", <Meaning key="mode" word={device.mode} means={modeMeans[device.mode]} />],
          ["Tier", <Meaning key="tier" word={device.tier} means={tierMeans[device.tier]} />],
          ["System", `${visible(device.os)}, ${visible(device.arch)}`],
          ["Kernel", visible(device.kernel)],
          ["Enrolled", <Time key="enrolled" at={device.enrolledAt} />],
          ...Object.entries(device.facts).map(([name, value]) => [visible(name), visible(value)] as const),
        ]}
      />
      <h3 className="mt-4 mb-1.5 flex items-center gap-2 text-sm font-semibold">
        <EyeOff size={15} aria-hidden="true" />
        What it cannot see
      </h3>
      {device.blind.length === 0 ? (
        <p className="text-sm text-soft">The agent reported nothing it could not see.</p>
      ) : (
        <ul className="flex flex-col gap-2">
          {device.blind.map(({ what, count: amount, why }) => (
            <li key={`${what}-${why}`} data-tone="unproven" className="rounded-lg bg-tone-wash px-3 py-2 text-sm">
              <p className="font-medium wrap-anywhere">
                {visible(what)} <span className="text-tone tabular-nums">×{count(amount)}</span>
              </p>
              <p className="text-xs wrap-anywhere">{visible(why)}</p>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

/** How the agent itself is doing. */
export function Health({ device: { health } }: { readonly device: DeviceData }) {
  const lost = health.lostFrames > 0;
  return (
    <Panel title="Agent" note={<Time at={health.at} brief />}>
      <Facts
        facts={[
          ["Version", visible(health.agentVersion)],
          ["Memory", bytes(health.rssBytes)],
          ["Processor", `${(health.cpuShare * 100).toFixed(1)}% of one core`],
          ["Waiting to send", `${count(health.spooledFrames)} frames, ${bytes(health.spooledBytes)}`],
          [
            "Lost",
            <span key="lost" data-tone={lost ? "refuted" : undefined} className={lost ? "font-semibold text-tone" : ""}>
              {lost ? `${count(health.lostFrames)} frames` : "nothing"}
            </span>,
          ],
        ]}
      />
    </Panel>
  );
}

function Meaning({ word, means }: { readonly word: string; readonly means: string }) {
  return (
    <>
      <span className="font-semibold">{word}</span> <span className="text-soft">{means}</span>
    </>
  );
}

const modeMeans: Readonly<Record<DeviceData["mode"], string>> = {
  off: "nothing is watched",
  record: "everything is judged, nothing is stopped",
  warn: "people are told, nothing is stopped",
  hold: "what lacks proof waits for approval",
  block: "what lacks proof does not run",
};

const tierMeans: Readonly<Record<DeviceData["tier"], string>> = {
  A: "kernel security module: can stop before the first instruction",
  B: "kernel tracing with a kill, above file access marks",
  C: "file access marks only",
  P: "polling: short-lived programs may be missed, nothing can be stopped",
};

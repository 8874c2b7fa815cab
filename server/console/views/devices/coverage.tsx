import { EyeOff } from "lucide-react";
import { bytes, count } from "../../parts/number-words.ts";
import { Facts, Panel } from "../../parts/page.tsx";
import { Time } from "../../parts/time.tsx";
import { visible } from "../../parts/visible-text.ts";
import { gateFacts } from "./gate.tsx";
import type { DeviceData } from "./device-data.ts";

/** What Provost sees on this device, by which means, and what it does not see. */
export function Coverage({ device }: { readonly device: DeviceData }) {
  return (
    <Panel title="Coverage">
      <Facts
        facts={[
          ["System", `${visible(device.os)}, ${visible(device.arch)}`],
          ["Kernel", visible(device.kernel)],
          ["Enrolled", <Time key="enrolled" at={device.enrolledAt} />],
          ...Object.entries(device.facts)
            .filter(([name]) => !gateFacts.has(name))
            .map(([name, value]) => [visible(name), visible(value)] as const),
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

import { CircleCheck, CircleDashed, CircleX, Clock, CloudOff, type LucideIcon } from "lucide-react";
import { address } from "../../address.ts";
import { count } from "../../parts/number-words.ts";
import { Facts, Panel } from "../../parts/page.tsx";
import { Time } from "../../parts/time.tsx";
import { visible } from "../../parts/visible-text.ts";
import type { DeviceData } from "./device-data.ts";

type Archive = DeviceData["archives"][number];

/** The archives this device installs from, who signs them, and whether that signature holds. */
export function Archives(props: Pick<DeviceData, "archives" | "proofs"> & { readonly device: string }) {
  const { archives, proofs, device } = props;
  const note = (
    <a className="inline-link" href={address.packages({ device })}>
      {count(proofs.derived)} of {count(proofs.wanted)} proofs derived
    </a>
  );
  return (
    <Panel title="Archives" note={note}>
      {archives.length === 0 ? <p className="text-sm text-soft">The device reported no package archive.</p> : undefined}
      <ul className="flex flex-col gap-3">
        {archives.map((archive) => (
          <ArchiveView key={`${archive.uri} ${archive.suite}`} archive={archive} />
        ))}
      </ul>
    </Panel>
  );
}

function ArchiveView({ archive }: { readonly archive: Archive }) {
  const { word, tone, icon: Icon } = states[archive.state];
  return (
    <li data-tone={tone} className="rounded-lg border p-3">
      <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span className="inline-flex items-center gap-1.5 text-sm font-semibold text-tone">
          <Icon size={15} aria-hidden="true" />
          {word}
        </span>
        <span className="min-w-0 font-mono text-xs wrap-anywhere">
          {visible(archive.uri)} <strong>{visible(archive.suite)}</strong> {archive.components.map(visible).join(" ")}
        </span>
      </p>
      <p className="mt-1 mb-2 text-sm text-soft wrap-anywhere">{visible(archive.says)}</p>
      <Facts
        facts={[
          ...archive.signedBy.map(({ fingerprint, name }, at) => {
            const who = (
              <span key={fingerprint}>
                {visible(name)} <span className="font-mono text-xs text-soft">{visible(fingerprint)}</span>
              </span>
            );
            return [at === 0 ? "Signed by" : `Signed by (${at + 1})`, who] as const;
          }),
          ...(archive.releaseDate === undefined
            ? []
            : [["Released", <Time key="date" at={archive.releaseDate} />] as const]),
          ...(archive.validUntil === undefined
            ? []
            : [["Valid until", <Time key="until" at={archive.validUntil} />] as const]),
        ]}
      />
    </li>
  );
}

const states: Readonly<Record<Archive["state"], { word: string; tone: string; icon: LucideIcon }>> = {
  verified: { word: "Verified", tone: "proven", icon: CircleCheck },
  refused: { word: "Refused", tone: "refuted", icon: CircleX },
  unreachable: { word: "Unreachable", tone: "unchecked", icon: CloudOff },
  stale: { word: "Stale", tone: "unproven", icon: Clock },
  pending: { word: "Pending", tone: "unchecked", icon: CircleDashed },
};

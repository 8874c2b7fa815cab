import { Ban, Hand, Hourglass, ShieldAlert, TriangleAlert, Unplug } from "lucide-react";
import { address } from "../../address.ts";
import { Figure } from "./figure.tsx";
import type { OverviewData } from "./overview-data.ts";

/** What gates stopped and what is wrong with the watch: one line, each number the way to its list. */
export function GateLine({ gate }: Pick<OverviewData, "gate">) {
  const { stopped, held, would, findings, open, waiting } = gate;
  return (
    <section aria-label="Gate" className="panel flex flex-wrap items-center gap-x-7 gap-y-2 px-5 py-3 text-sm">
      <h2 className="text-base font-semibold">
        Gate <span className="text-xs font-normal text-soft">in the last 24 hours</span>
      </h2>
      <Figure
        icon={Ban}
        value={stopped}
        words="stopped"
        tone="refuted"
        href={address.decisions({ outcome: ["stopped"] })}
      />
      <Figure icon={Hand} value={held} words="held" tone="unproven" href={address.decisions({ outcome: ["held"] })} />
      <Figure
        icon={TriangleAlert}
        value={would}
        words="would have been stopped"
        tone="unchecked"
        href={address.decisions({ outcome: ["would"] })}
      />
      <Figure
        icon={ShieldAlert}
        value={findings}
        words={findings === 1 ? "finding" : "findings"}
        tone="unproven"
        href={address.findings()}
      />
      {open === 0 ? undefined : (
        <Figure
          icon={Unplug}
          value={open}
          words={open === 1 ? "device not watched now" : "devices not watched now"}
          tone="refuted"
          href={address.findings({ open: true })}
        />
      )}
      {waiting === 0 ? undefined : (
        <Figure
          icon={Hourglass}
          value={waiting}
          words={waiting === 1 ? "request waits" : "requests wait"}
          tone="unproven"
          href={address.approvals({ waiting: true })}
        />
      )}
    </section>
  );
}

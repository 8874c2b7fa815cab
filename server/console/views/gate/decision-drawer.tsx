import { address } from "../../address.ts";
import { CopyButton } from "../../parts/copy-button.tsx";
import { accessWords, asker, reasonOf, type Decision } from "../../parts/decision-lines.tsx";
import { outcomeWords, tierMeans } from "../../parts/gate-words.ts";
import { Modal } from "../../parts/modal.tsx";
import { counted } from "../../parts/number-words.ts";
import { OutcomeBadge } from "../../parts/outcome-badge.tsx";
import { Facts } from "../../parts/page.tsx";
import { Time } from "../../parts/time.tsx";
import { VerdictBadge } from "../../parts/verdict-badge.tsx";
import { splitPath, visible } from "../../parts/visible-text.ts";

/** All that a device told of one decision. */
export function DecisionDrawer({ decision, onClose }: { readonly decision: Decision; readonly onClose: () => void }) {
  const { process } = decision;
  const command = `provost why ${decision.code}`;
  return (
    <Modal
      title={splitPath(decision.path).name.slice(0, 200)}
      note={outcomeWords[decision.outcome].means}
      shape="drawer"
      onClose={onClose}
    >
      <div className="flex min-h-0 grow flex-col gap-4 overflow-auto px-5 py-4">
        <p className="flex flex-wrap items-center gap-3">
          <OutcomeBadge outcome={decision.outcome} />
          <VerdictBadge standing={decision.standing} basis={decision.basis} />
        </p>
        <p className="text-base wrap-anywhere">{visible(decision.why)}</p>
        <Facts
          facts={[
            ["When", <Time key="at" at={decision.at} />],
            [
              "Device",
              <a key="device" className="inline-link" href={address.device(decision.device)}>
                {visible(decision.deviceName)}
              </a>,
            ],
            ["Path", <Mono key="path" text={decision.path} />],
            ...(decision.root === "" ? [] : [["Root", <Mono key="root" text={decision.root} />] as const]),
            ["SHA-256", <Mono key="digest" text={decision.digest ?? "could not be read"} />],
            ["Use", accessWords[decision.access]],
            ["Decided by", reasonOf(decision)],
            [
              "Action",
              decision.would === undefined ? decision.action : `${decision.action}; ${decision.would} was wanted`,
            ],
            ["Tier", `${decision.tier}: ${tierMeans[decision.tier]}`],
            ["Asked by", asker(decision)],
            ["Program", <Mono key="program" text={process.executable} />],
            ...(process.command === undefined
              ? []
              : [["Command", <Mono key="command" text={process.command} />] as const]),
            ["Started", <Time key="started" at={process.startedAt} />],
            ["Told", counted(decision.count, "time")],
            ...(decision.lastAt === undefined
              ? []
              : [["Last time", <Time key="last" at={decision.lastAt} />] as const]),
          ]}
        />
        <p className="flex items-center gap-2 text-sm text-soft">
          On the device: <code className="font-mono text-ink">{command}</code>
          <CopyButton text={command} label="the command" />
        </p>
      </div>
    </Modal>
  );
}

function Mono({ text }: { readonly text: string }) {
  return <code className="font-mono text-xs wrap-anywhere">{visible(text)}</code>;
}

import { address } from "../../address.ts";
import type { Row } from "../../data/queries.ts";
import { CopyButton } from "../../parts/copy-button.tsx";
import { Modal } from "../../parts/modal.tsx";
import { Facts } from "../../parts/page.tsx";
import { Time } from "../../parts/time.tsx";
import { visible } from "../../parts/visible-text.ts";
import { KindBadge } from "./audit-words.tsx";

/** All that one entry holds, and the hash that binds it. */
export function EntryDrawer({ entry, onClose }: { readonly entry: Row<"audit">; readonly onClose: () => void }) {
  const { sequence, at, kind, by, says, facts, hash } = entry;
  return (
    <Modal title={`Entry ${sequence}`} note={<KindBadge kind={kind} />} shape="drawer" onClose={onClose}>
      <div className="flex min-h-0 grow flex-col gap-4 overflow-auto px-5 py-4">
        <p className="text-base wrap-anywhere">{visible(says)}</p>
        <Facts
          facts={[
            ["When", <Time key="at" at={at} />],
            ["By", visible(by)],
            ...Object.entries(facts).map(
              ([name, fact]) => [visible(name), <Fact key={name} name={name} fact={fact} />] as const,
            ),
            [
              "Hash",
              <span key="hash" className="flex items-center gap-1">
                <Mono text={hash} />
                <CopyButton text={hash} label="the hash" />
              </span>,
            ],
          ]}
        />
        <p className="text-sm text-soft">
          The hash is over all of this and the hash of entry {sequence - 1}. Kept elsewhere, it shows later that nothing
          up to here was written again: <code className="font-mono">provost audit verify FILE --holds HASH</code>.
        </p>
      </div>
    </Modal>
  );
}

function Fact({ name, fact }: { readonly name: string; readonly fact: string }) {
  const href = name === "device" ? address.device(fact) : name === "incident" ? address.incident(fact) : undefined;
  if (href === undefined) return /^[0-9a-z_]{20,}$/.test(fact) ? <Mono text={fact} /> : visible(fact);
  return (
    <a className="inline-link" href={href}>
      {visible(fact)}
    </a>
  );
}

function Mono({ text }: { readonly text: string }) {
  return <code className="font-mono text-xs wrap-anywhere">{visible(text)}</code>;
}

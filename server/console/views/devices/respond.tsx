import { ClipboardList, Network } from "lucide-react";
import { address } from "../../address.ts";
import { useRefusal } from "../../data/post.ts";
import { Panel } from "../../parts/page.tsx";
import { Refusal } from "../../parts/refusal.tsx";
import { useOrdering } from "../incidents/ordering.tsx";
import { Orders } from "../incidents/orders.tsx";

/** What may be ordered of one device, and what was. */
export function Respond({ device }: { readonly device: string }) {
  const { ask, dialog } = useOrdering();
  const refused = useRefusal("device");
  const scope = { kind: "device", device } as const;
  return (
    <>
      <Panel
        title="Respond"
        note={
          <a className="inline-link" href={address.incidents({ device })}>
            Its incidents
          </a>
        }
      >
        <div className="flex flex-wrap gap-2">
          <button
            type="button"
            className="button"
            disabled={refused !== undefined}
            onClick={() => ask({ scope, order: { action: "isolate-host", except: [] } })}
          >
            <Network size={14} aria-hidden="true" />
            Isolate this device
          </button>
          <button
            type="button"
            className="button"
            disabled={refused !== undefined}
            onClick={() => ask({ scope, order: { action: "collect-triage" } })}
          >
            <ClipboardList size={14} aria-hidden="true" />
            Collect a triage bundle
          </button>
          {refused === undefined ? undefined : <Refusal why={refused} />}
        </div>
      </Panel>
      <Orders about={{ device }} device={device} />
      {dialog}
    </>
  );
}

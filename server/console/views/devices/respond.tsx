import { useQueryClient } from "@tanstack/react-query";
import { ClipboardList, Network } from "lucide-react";
import { useState } from "react";
import { address } from "../../address.ts";
import { Panel } from "../../parts/page.tsx";
import { OrderDialog, type NewOrder } from "../incidents/order-dialog.tsx";
import { Orders } from "../incidents/orders.tsx";

/** What may be ordered of one device, and what was. */
export function Respond({ device }: { readonly device: string }) {
  const [order, setOrder] = useState<NewOrder>();
  const client = useQueryClient();
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
        <button
          type="button"
          className="button"
          onClick={() => setOrder({ scope: { kind: "device", device }, order: { action: "isolate-host", except: [] } })}
        >
          <Network size={14} aria-hidden="true" />
          Isolate this device
        </button>
        <button
          type="button"
          className="button"
          onClick={() => setOrder({ scope: { kind: "device", device }, order: { action: "collect-triage" } })}
        >
          <ClipboardList size={14} aria-hidden="true" />
          Collect a triage bundle
        </button>
      </Panel>
      <Orders about={{ device }} device={device} />
      {order === undefined ? undefined : (
        <OrderDialog
          order={order}
          onClose={() => setOrder(undefined)}
          onGiven={() => void client.invalidateQueries({ queryKey: ["commands"] })}
        />
      )}
    </>
  );
}

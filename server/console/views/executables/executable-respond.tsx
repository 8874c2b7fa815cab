import { useQueryClient } from "@tanstack/react-query";
import { Ban, PackageX } from "lucide-react";
import { useState } from "react";
import { Panel } from "../../parts/page.tsx";
import { OrderDialog, type NewOrder } from "../incidents/order-dialog.tsx";
import type { ExecutableData } from "./executable-data.ts";

/** What may be ordered about these bytes: here, or on every device. */
export function ExecutableRespond({ executable }: { readonly executable: ExecutableData }) {
  const { device, digest, root, path } = executable;
  const [order, setOrder] = useState<NewOrder>();
  const client = useQueryClient();
  if (digest === undefined) return undefined;
  return (
    <Panel title="Respond">
      <div className="flex flex-wrap gap-2">
        <button
          type="button"
          className="button"
          onClick={() =>
            setOrder({
              scope: { kind: "device", device },
              order: { action: "quarantine-file", root, path, sha256: digest },
            })
          }
        >
          <PackageX size={14} aria-hidden="true" />
          Quarantine it here
        </button>
        <button
          type="button"
          className="button"
          onClick={() => setOrder({ scope: { kind: "fleet" }, order: { action: "block-digest", sha256: digest } })}
        >
          <Ban size={14} aria-hidden="true" />
          Block these bytes on every device
        </button>
      </div>
      {order === undefined ? undefined : (
        <OrderDialog
          order={order}
          onClose={() => setOrder(undefined)}
          onGiven={() => void client.invalidateQueries({ queryKey: ["commands"] })}
        />
      )}
    </Panel>
  );
}

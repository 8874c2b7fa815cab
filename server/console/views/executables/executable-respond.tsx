import { Ban, PackageX } from "lucide-react";
import { useRefusal } from "../../data/post.ts";
import { Panel } from "../../parts/page.tsx";
import { Refusal } from "../../parts/refusal.tsx";
import { useOrdering } from "../incidents/ordering.tsx";
import type { ExecutableData } from "./executable-data.ts";

/** What may be ordered about these bytes: here, or on every device. */
export function ExecutableRespond({ executable }: { readonly executable: ExecutableData }) {
  const { device, digest, root, path } = executable;
  const { ask, dialog } = useOrdering();
  const refusedHere = useRefusal("device");
  const refused = useRefusal("fleet");
  if (digest === undefined) return undefined;
  return (
    <Panel title="Respond">
      <div className="flex flex-wrap gap-2">
        <button
          type="button"
          className="button"
          disabled={refusedHere !== undefined}
          onClick={() =>
            ask({ scope: { kind: "device", device }, order: { action: "quarantine-file", root, path, sha256: digest } })
          }
        >
          <PackageX size={14} aria-hidden="true" />
          Quarantine it here
        </button>
        <button
          type="button"
          className="button"
          disabled={refused !== undefined}
          onClick={() => ask({ scope: { kind: "fleet" }, order: { action: "block-digest", sha256: digest } })}
        >
          <Ban size={14} aria-hidden="true" />
          Block these bytes on every device
        </button>
        {refused === undefined ? undefined : <Refusal why={refused} />}
      </div>
      {dialog}
    </Panel>
  );
}

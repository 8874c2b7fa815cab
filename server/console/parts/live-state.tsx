import { LoaderCircle, Radio } from "lucide-react";
import { useLiveView } from "../data/live-context.tsx";

/** Whether what is on screen follows the fleet right now. */
export function LiveState() {
  const { state } = useLiveView();
  const live = state === "live";
  const Icon = live ? Radio : LoaderCircle;
  return (
    <output
      data-tone={live ? "proven" : "unproven"}
      title={live ? "Changes are counted as they happen" : "The stream of changes is down; this page may be behind"}
      className="inline-flex items-center gap-1.5 px-1.5 text-xs font-medium text-tone"
    >
      <Icon size={13} aria-hidden="true" className={live ? "" : "animate-spin"} />
      {words[state]}
    </output>
  );
}

const words = { live: "Live", connecting: "Connecting", reconnecting: "Reconnecting" } as const;

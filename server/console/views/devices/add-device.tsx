import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleCheck, LoaderCircle, Terminal } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { call } from "../../data/call.ts";
import { useLive, useNews } from "../../data/live-context.tsx";
import { sessionQuery } from "../../data/queries.ts";
import { CopyButton } from "../../parts/copy-button.tsx";
import { Modal } from "../../parts/modal.tsx";
import { Failed, Loading } from "../../parts/states.tsx";
import { Time, useNow } from "../../parts/time.tsx";

/** The one line that enrols the next device, and what became of it. */
export function AddDevice({ onClose }: { readonly onClose: () => void }) {
  const client = useQueryClient();
  const { data, error, mutate } = useMutation({
    mutationFn: async () => {
      const { csrf } = await client.ensureQueryData(sessionQuery);
      return call("newToken", { csrf });
    },
  });
  const asked = useRef(false);
  useEffect(() => {
    if (asked.current) return;
    asked.current = true;
    mutate();
  }, [mutate]);
  return (
    <Modal
      title="Add a device"
      note="Paste one line in a terminal on the machine to protect."
      shape="dialog"
      onClose={onClose}
    >
      <div className="flex flex-col gap-4 px-5 py-4">
        {error === null ? undefined : <Failed error={error} again={() => mutate()} />}
        {data === undefined ? (
          error === null ? (
            <Loading what="the line to paste" lines={2} />
          ) : undefined
        ) : (
          <>
            <div className="flex items-start gap-3 rounded-lg border bg-canvas p-3">
              <Terminal size={16} aria-hidden="true" className="mt-0.5 shrink-0 text-soft" />
              <code className="grow font-mono text-sm wrap-anywhere select-all">{data.command}</code>
            </div>
            <div className="flex flex-wrap items-center justify-between gap-3">
              <Expiry at={data.expiresAt} renew={() => mutate()} />
              <CopyButton text={data.command} label="the line" wide />
            </div>
            <Arrival />
          </>
        )}
      </div>
    </Modal>
  );
}

function Expiry({ at, renew }: { readonly at: number; readonly renew: () => void }) {
  const now = useNow();
  if (at > now)
    return (
      <p className="text-sm text-soft">
        Works once, until <Time at={at} />.
      </p>
    );
  return (
    <p className="flex items-center gap-2 text-sm text-soft">
      This line has expired.
      <button type="button" className="button" onClick={renew}>
        Make a new one
      </button>
    </p>
  );
}

/** Waits in words until the live stream tells of a device. */
function Arrival() {
  const live = useLive();
  const [mark] = useState(() => live.view().counters);
  const { changed } = useNews(mark, "devices");
  const Icon = changed > 0 ? CircleCheck : LoaderCircle;
  return (
    <output data-tone="proven" className="flex items-center gap-2 border-t pt-3 text-sm">
      <Icon size={16} aria-hidden="true" className={changed > 0 ? "text-tone" : "animate-spin text-soft"} />
      {changed > 0 ? "A device has enrolled. It is in the list." : "Waiting for the device to answer…"}
    </output>
  );
}

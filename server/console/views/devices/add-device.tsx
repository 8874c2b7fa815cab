import { useMutation } from "@tanstack/react-query";
import { CircleCheck, LoaderCircle, Terminal } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { ReactNode } from "react";
import { useLive, useNews } from "../../data/live-context.tsx";
import { usePost } from "../../data/post.ts";
import { CopyButton } from "../../parts/copy-button.tsx";
import { Modal } from "../../parts/modal.tsx";
import { Failed, Loading } from "../../parts/states.tsx";
import { Time, useNow } from "../../parts/time.tsx";

/** The one line that enrols the next device, and what became of it. */
export function AddDevice({ onClose }: { readonly onClose: () => void }) {
  const post = usePost();
  const { data, error, mutate } = useMutation({
    mutationFn: () => post("newToken", {}),
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
            <Lines lines={[data.command]} />
            <div className="flex flex-wrap items-center justify-between gap-3">
              <Expiry at={data.expiresAt} renew={() => mutate()} />
              <CopyButton text={data.command} label="the line" wide />
            </div>
            <Arrival />
            {data.verifyFirst === undefined ? undefined : (
              <Other title="Look first: fetch, verify, install, enrol" lines={data.verifyFirst}>
                The package carries its provenance. Any verifier will do; cosign is shown. PUBLISHER.pem is the public
                key of whoever built your packages, from a place you trust already.
              </Other>
            )}
            {data.installed === undefined ? undefined : (
              <Other title="The package is there already" lines={[data.installed]} />
            )}
          </>
        )}
      </div>
    </Modal>
  );
}

/** What is pasted in a terminal, line by line. */
function Lines({ lines }: { readonly lines: readonly string[] }) {
  return (
    <div className="flex items-start gap-3 rounded-lg border bg-canvas p-3">
      <Terminal size={16} aria-hidden="true" className="mt-0.5 shrink-0 text-soft" />
      <code className="flex grow flex-col gap-2 font-mono text-sm wrap-anywhere select-all">
        {lines.map((line) => (
          <span key={line}>{line}</span>
        ))}
      </code>
    </div>
  );
}

/** Another way, for who opens it. */
function Other({
  title,
  lines,
  children,
}: {
  readonly title: string;
  readonly lines: readonly string[];
  readonly children?: ReactNode;
}) {
  return (
    <details className="border-t pt-3 text-sm">
      <summary className="cursor-pointer font-medium">{title}</summary>
      <div className="mt-3 flex flex-col gap-3">
        {children === undefined ? undefined : <p className="text-soft">{children}</p>}
        <Lines lines={lines} />
        <div className="self-end">
          <CopyButton text={lines.join("\n")} label="these lines" />
        </div>
      </div>
    </details>
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

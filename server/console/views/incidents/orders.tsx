import { useMutation, useQuery } from "@tanstack/react-query";
import type { Answer } from "@provost/shared/protocol/api.ts";
import { Download } from "lucide-react";
import { useEffect, useState } from "react";
import { address } from "../../address.ts";
import { useLive, useNews } from "../../data/live-context.tsx";
import { usePost, useRefusal } from "../../data/post.ts";
import { commandsQuery, type OrdersAbout } from "../../data/queries.ts";
import { bytes } from "../../parts/number-words.ts";
import { OrderStateBadge, StepState } from "../../parts/order-state.tsx";
import { Panel } from "../../parts/page.tsx";
import { Failed } from "../../parts/states.tsx";
import { Time } from "../../parts/time.tsx";
import { visible } from "../../parts/visible-text.ts";
import { OrderDialog } from "./order-dialog.tsx";

type CommandRow = Answer<"commands">["rows"][number];

/** Orders of one incident, device or digest, as they go: live, each with what can be done about it. */
export function Orders({
  about,
  device,
}: {
  readonly about: OrdersAbout;
  /** Whose news are followed; absent: the whole fleet's. */
  readonly device?: string;
}) {
  const live = useLive();
  const { data, error, refetch } = useQuery(commandsQuery(about, live));
  const news = useNews(data?.mark, "commands", device);
  const refused = useRefusal("device");
  const [undoing, setUndoing] = useState<CommandRow>();
  useEffect(() => {
    if (news.changed > 0 || news.missed) void refetch();
  }, [news.changed, news.missed, refetch]);
  if (error !== null) return <Failed error={error} again={() => void refetch()} />;
  if (data === undefined || data.rows.length === 0) return undefined;
  return (
    <Panel title="Orders">
      <ul className="flex flex-col divide-y divide-line" aria-label="Orders">
        {data.rows.map((row) => (
          <li
            key={row.id}
            className="flex flex-wrap items-start justify-between gap-x-4 gap-y-1 py-2 first:pt-0 last:pb-0"
          >
            <div className="min-w-0 grow basis-60">
              <p className="text-sm font-medium wrap-anywhere">{visible(row.says)}</p>
              <p className="text-xs text-soft wrap-anywhere">
                {about.digest === undefined ? undefined : (
                  <>
                    on{" "}
                    <a className="inline-link" href={address.device(row.device)}>
                      {visible(row.deviceName)}
                    </a>
                    {" · "}
                  </>
                )}
                {visible(row.by)}: {visible(row.reason)} · <Time at={row.changedAt} brief />
              </p>
              {row.why === undefined ? undefined : <p className="text-xs wrap-anywhere">{visible(row.why)}</p>}
              <ul className="mt-1 flex flex-col gap-0.5 text-xs text-soft">
                {row.steps.map(({ step, state, says }) => (
                  <li key={step} className="flex items-baseline gap-2">
                    <StepState state={state} />
                    <span className="min-w-0 wrap-anywhere">{visible(says)}</span>
                  </li>
                ))}
              </ul>
            </div>
            <div className="flex shrink-0 items-center gap-2">
              {row.bundle === undefined ? undefined : (
                <a className="button" href={`/api/v1/triage/${row.id}`} download title={`SHA-256 ${row.bundle.sha256}`}>
                  <Download size={14} aria-hidden="true" />
                  Bundle, {bytes(row.bundle.bytes)}
                </a>
              )}
              <OrderStateBadge state={row.state} />
              {row.canCancel ? <Cancel id={row.id} done={() => void refetch()} /> : undefined}
              {row.canUndo ? (
                <button
                  type="button"
                  className="button"
                  title={refused}
                  disabled={refused !== undefined}
                  onClick={() => setUndoing(row)}
                >
                  Undo
                </button>
              ) : undefined}
            </div>
          </li>
        ))}
      </ul>
      {undoing === undefined ? undefined : (
        <OrderDialog
          order={{
            scope: { kind: "device", device: undoing.device },
            order: { action: "undo", command: undoing.id },
            ...(undoing.incident === undefined ? {} : { incident: undoing.incident }),
          }}
          onClose={() => setUndoing(undefined)}
          onGiven={() => void refetch()}
        />
      )}
    </Panel>
  );
}

function Cancel({ id, done }: { readonly id: string; readonly done: () => void }) {
  const post = usePost();
  const refused = useRefusal("device");
  const { mutate, isPending } = useMutation({
    mutationFn: () => post("cancelCommand", { id, body: {} }),
    onSettled: done,
  });
  return (
    <button
      type="button"
      className="button"
      title={refused}
      disabled={refused !== undefined || isPending}
      onClick={() => mutate()}
    >
      Cancel
    </button>
  );
}

import { useMutation, useQuery } from "@tanstack/react-query";
import type { Query } from "@provost/shared/protocol/api.ts";
import { MonitorCog, TriangleAlert, Undo2 } from "lucide-react";
import { useState } from "react";
import { usePost } from "../../data/post.ts";
import { Modal } from "../../parts/modal.tsx";
import { counted } from "../../parts/number-words.ts";
import { ReasonField } from "../../parts/reason-field.tsx";
import { Failed, Loading } from "../../parts/states.tsx";
import { visible } from "../../parts/visible-text.ts";

export type NewOrder = Omit<Query<"newCommand">, "reason" | "confirmed">;

/** What an order would do, step by step, and what undoes it; it goes out with a reason. */
export function OrderDialog(props: {
  readonly order: NewOrder;
  readonly onClose: () => void;
  readonly onGiven: () => void;
}) {
  const { order, onClose, onGiven } = props;
  const post = usePost();
  const [reason, setReason] = useState("");
  const [confirmed, setConfirmed] = useState(false);
  const preview = useQuery({
    queryKey: ["preview", JSON.stringify(order)],
    queryFn: ({ signal }) => post("previewCommand", { body: { ...order, reason: "preview" }, signal }),
    staleTime: 0,
  });
  const give = useMutation({
    mutationFn: () => post("newCommand", { body: { ...order, reason: reason.trim(), confirmed } }),
    onSuccess: () => {
      onGiven();
      onClose();
    },
  });
  const shown = preview.data;
  // The steps of an undo are themselves the way back.
  const isUndo = order.order.action === "undo";
  const waits = shown !== undefined && (shown.refused !== undefined || (shown.warnings.length > 0 && !confirmed));
  return (
    <Modal title={shown === undefined ? "Order" : visible(shown.says)} shape="dialog" onClose={onClose}>
      <form
        className="flex flex-col gap-4 overflow-auto px-5 py-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (!waits && reason.trim() !== "") give.mutate();
        }}
      >
        {preview.error === null ? undefined : <Failed error={preview.error} again={() => void preview.refetch()} />}
        {shown === undefined && preview.error === null ? <Loading what="what it would do" lines={3} /> : undefined}
        {shown === undefined || order.scope.kind !== "fleet" ? undefined : (
          <p className="flex items-center gap-2 text-sm font-semibold">
            <MonitorCog size={15} aria-hidden="true" className="shrink-0" />
            {reach(shown.devices)}
          </p>
        )}
        {shown === undefined ? undefined : (
          <ol className="flex list-decimal flex-col gap-2 pl-5 text-sm">
            {shown.steps.map(({ step, says, undo }) => (
              <li key={step}>
                {visible(says)}.
                {isUndo ? undefined : (
                  <span className="flex items-center gap-1 text-xs text-soft">
                    <Undo2 size={12} aria-hidden="true" />
                    {undo === undefined ? "Cannot be undone" : visible(undo)}
                  </span>
                )}
              </li>
            ))}
          </ol>
        )}
        {shown?.refused === undefined ? undefined : (
          <p data-tone="refuted" className="rounded-lg bg-tone-wash px-3 py-2 text-sm">
            {visible(shown.refused)}
          </p>
        )}
        {shown === undefined || shown.warnings.length === 0 ? undefined : (
          <div data-tone="unproven" className="flex flex-col gap-2 rounded-lg bg-tone-wash px-3 py-2 text-sm">
            {shown.warnings.map((line) => (
              <p key={line} className="flex gap-2 wrap-anywhere">
                <TriangleAlert size={15} aria-hidden="true" className="mt-0.5 shrink-0 text-tone" />
                {visible(line)}
              </p>
            ))}
            <label className="flex items-center gap-2 font-medium">
              <input
                type="checkbox"
                checked={confirmed}
                onChange={(event) => setConfirmed(event.currentTarget.checked)}
              />
              I have read this, and it is to be done all the same
            </label>
          </div>
        )}
        <ReasonField value={reason} onChange={setReason} />
        {give.error === null ? undefined : <Failed error={give.error} again={() => give.mutate()} />}
        <div className="flex justify-end gap-2">
          <button type="button" className="button" onClick={onClose}>
            Leave it
          </button>
          <button
            type="submit"
            className="button font-semibold"
            data-tone="refuted"
            disabled={shown === undefined || waits || reason.trim() === "" || give.isPending}
          >
            {give.isPending ? "Giving the order…" : "Give the order"}
          </button>
        </div>
      </form>
    </Modal>
  );
}

/** Counted when the preview was made: who enrols later is not given the order. */
const reach = (devices: number): string =>
  `The whole fleet: ${counted(devices, "device")} ${devices === 1 ? "is" : "are"} given this order.`;

import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { Answer } from "@provost/shared/protocol/api.ts";
import { useState } from "react";
import { usePost } from "../../data/post.ts";
import { modeMeans } from "../../parts/gate-words.ts";
import { Modal } from "../../parts/modal.tsx";
import { ReasonField } from "../../parts/reason-field.tsx";
import { Failed } from "../../parts/states.tsx";
import { visible } from "../../parts/visible-text.ts";
import { ringName } from "./ring-name.ts";

/** A ring does again what its policy says, for a reason. */
export function TurnOn(props: {
  readonly step: Answer<"policy">["steppedBack"][number];
  readonly onClose: () => void;
}) {
  const { step, onClose } = props;
  const client = useQueryClient();
  const post = usePost();
  const [reason, setReason] = useState("");
  const turn = useMutation({
    mutationFn: () => post("turnOnRing", { body: { group: step.group, why: reason.trim() } }),
    onSuccess: async () => {
      await Promise.all([
        client.invalidateQueries({ queryKey: ["policies"] }),
        client.invalidateQueries({ queryKey: ["policy"] }),
      ]);
      onClose();
    },
  });
  const waits = reason.trim() === "" || turn.isPending;
  return (
    <Modal title={`Turn ${ringName(step.group)} on again?`} shape="dialog" onClose={onClose}>
      <form
        className="flex flex-col gap-4 overflow-auto px-5 py-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (!waits) turn.mutate();
        }}
      >
        <p className="text-sm">
          From <strong className="font-semibold">{step.to}</strong> to{" "}
          <strong className="font-semibold">{step.from}</strong> at once: {modeMeans[step.from]}. What made it step back
          does not count again.
        </p>
        <p className="text-sm text-soft wrap-anywhere">{visible(step.why)}</p>
        <ReasonField value={reason} onChange={setReason} />
        {turn.error === null ? undefined : <Failed error={turn.error} again={() => turn.mutate()} />}
        <div className="flex justify-end gap-2">
          <button type="button" className="button" onClick={onClose}>
            Leave it
          </button>
          <button type="submit" className="button button-primary font-semibold" disabled={waits}>
            {turn.isPending ? "Telling the devices…" : "Turn on again"}
          </button>
        </div>
      </form>
    </Modal>
  );
}

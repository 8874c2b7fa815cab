import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useId, useState } from "react";
import { address } from "../../address.ts";
import { usePost, useRefusal } from "../../data/post.ts";
import { counted } from "../../parts/number-words.ts";
import { Panel } from "../../parts/page.tsx";
import { Refusal } from "../../parts/refusal.tsx";
import { ReasonField } from "../../parts/reason-field.tsx";
import { Failed } from "../../parts/states.tsx";

/** Sends the rehearsed words to every device that follows this server: with a reason, and with their count read back. */
export function Publish(props: {
  readonly yaml: string;
  /** How many files the rehearsal of exactly these words would have stopped; undefined: there was none. */
  readonly stoppedFiles: number | undefined;
  readonly onPublished: () => void;
}) {
  const { yaml, stoppedFiles, onPublished } = props;
  const { history } = useRouter();
  const client = useQueryClient();
  const post = usePost();
  const refused = useRefusal("fleet");
  const [why, setWhy] = useState("");
  const [seen, setSeen] = useState<number>();
  const note = useId();
  const publish = useMutation({
    mutationFn: (seenStopped: number) => post("publishPolicy", { body: { yaml, why: why.trim(), seenStopped } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["policies"] });
      void client.invalidateQueries({ queryKey: ["policy"] });
      onPublished();
      history.push(address.policies());
    },
  });
  const missing = refused ?? missingOf(stoppedFiles, seen, why);
  return (
    <Panel title="Publish">
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (missing === undefined && stoppedFiles !== undefined && !publish.isPending) publish.mutate(stoppedFiles);
        }}
      >
        <ReasonField value={why} onChange={setWhy} disabled={refused !== undefined} />
        {stoppedFiles === undefined ? undefined : (
          <label className="flex items-center gap-2 text-sm font-medium">
            <input
              type="checkbox"
              className="accent-accent"
              disabled={refused !== undefined}
              checked={seen === stoppedFiles}
              onChange={(event) => setSeen(event.currentTarget.checked ? stoppedFiles : undefined)}
            />
            I have seen that it would have stopped {stoppedFiles === 0 ? "no file" : counted(stoppedFiles, "file")}
          </label>
        )}
        {publish.error === null ? undefined : <Failed error={publish.error} />}
        <div className="flex flex-wrap items-center justify-end gap-3">
          {missing === undefined ? undefined : <Refusal id={note} why={missing} />}
          <button
            type="submit"
            className="button button-primary font-semibold"
            aria-describedby={missing === undefined ? undefined : note}
            disabled={missing !== undefined || publish.isPending}
          >
            {publish.isPending ? "Sending it out…" : "Publish"}
          </button>
        </div>
      </form>
    </Panel>
  );
}

function missingOf(stoppedFiles: number | undefined, seen: number | undefined, why: string): string | undefined {
  if (stoppedFiles === undefined) return "these very words have to be rehearsed first";
  if (why.trim() === "") return "a reason is missing";
  return seen === stoppedFiles ? undefined : "what it would have stopped has to be read back";
}

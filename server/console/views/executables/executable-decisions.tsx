import { useQuery } from "@tanstack/react-query";
import { address } from "../../address.ts";
import { digestDecisionsQuery } from "../../data/queries.ts";
import { DecisionLines } from "../../parts/decision-lines.tsx";
import { counted } from "../../parts/number-words.ts";
import { Panel } from "../../parts/page.tsx";
import { Failed, Loading } from "../../parts/states.tsx";

/** What gates decided about these bytes, wherever in the fleet. */
export function DigestDecisions({ digest }: { readonly digest: string }) {
  const { data, error, refetch } = useQuery(digestDecisionsQuery(digest));
  return (
    <Panel
      title="What gates decided about these bytes"
      note={
        data === undefined || data.total === 0 ? undefined : (
          <a className="inline-link" href={address.decisions({ digest })}>
            Open {counted(data.total, "decision")}
          </a>
        )
      }
    >
      {error === null ? undefined : <Failed error={error} again={() => void refetch()} />}
      {data === undefined && error === null ? <Loading what="decisions" lines={2} /> : undefined}
      {data?.rows.length === 0 ? (
        <p className="text-sm text-soft">No gate told of a decision about them.</p>
      ) : undefined}
      {data === undefined || data.rows.length === 0 ? undefined : (
        <DecisionLines rows={data.rows} label="Decisions about these bytes" about="device" />
      )}
    </Panel>
  );
}

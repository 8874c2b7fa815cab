import { useQuery } from "@tanstack/react-query";
import type { Standing } from "@provost/shared/model/verdict.ts";
import { useCallback, useState } from "react";
import { useLive, useNews } from "../../data/live-context.tsx";
import { useRefusal } from "../../data/post.ts";
import { processesQuery } from "../../data/queries.ts";
import { News } from "../../parts/news.tsx";
import { counted } from "../../parts/number-words.ts";
import { ProcessTree } from "../../parts/process-tree.tsx";
import type { Process } from "../../parts/process-rows.ts";
import { Empty, Failed, Loading } from "../../parts/states.tsx";
import { Time } from "../../parts/time.tsx";
import { useOrdering } from "../incidents/ordering.tsx";

/** The device's processes as they were when asked; what changed since is offered, not pushed. */
export function Processes({ device }: { readonly device: string }) {
  const { data, error, refetch } = useQuery(processesQuery(device, useLive()));
  const news = useNews(data?.mark, "running", device);
  const { ask, dialog } = useOrdering();
  const refused = useRefusal("device");
  const kill = useCallback(
    ({ pid, sinceBoot, path }: Process) => {
      if (sinceBoot === undefined) return;
      ask({
        scope: { kind: "device", device },
        order: { action: "kill-process-tree", process: { pid, startedAt: sinceBoot }, executable: path },
      });
    },
    [ask, device],
  );
  const [narrowed, setNarrowed] = useState(false);
  const again = (): void => void refetch();
  return (
    <div className="mt-5">
      <div className="mb-2 flex min-h-8 flex-wrap items-center justify-between gap-x-4 gap-y-1">
        <p className="text-sm text-soft">
          {data === undefined ? undefined : (
            <>
              {counted(data.rows.length, "process", "processes")} at <Time at={data.at} />
            </>
          )}
        </p>
        <News {...news} show={again} />
        <label className="flex items-center gap-2 text-sm">
          <input
            type="checkbox"
            className="accent-accent"
            checked={narrowed}
            onChange={(event) => setNarrowed(event.currentTarget.checked)}
          />
          Only what lacks proof
        </label>
      </div>
      {error === null ? undefined : <Failed error={error} again={again} />}
      {data === undefined && error === null ? <Loading what="processes" lines={6} /> : undefined}
      {data?.rows.length === 0 ? (
        <Empty title="No process was reported">The agent has not looked yet.</Empty>
      ) : undefined}
      {data === undefined || data.rows.length === 0 ? undefined : (
        <ProcessTree
          processes={data.rows}
          {...(refused === undefined ? { onKill: kill } : {})}
          {...(narrowed ? { only: lacksProof } : {})}
        />
      )}
      {dialog}
    </div>
  );
}

const lacksProof: ReadonlySet<Standing> = new Set(["unproven", "refuted", "unchecked"]);

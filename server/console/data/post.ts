import { useQuery, useQueryClient } from "@tanstack/react-query";
import { refusesPerson } from "@provost/shared/model/role.ts";
import type { Answer, Api } from "@provost/shared/protocol/api.ts";
import { useCallback } from "react";
import { call, type Ask } from "./call.ts";
import { sessionQuery } from "./queries.ts";

type Post = <N extends keyof Api>(name: N, ask: Omit<Ask<N>, "csrf">) => Promise<Answer<N>>;

/** Asks the server for something that the session's token has to go with. */
export function usePost(): Post {
  const client = useQueryClient();
  return useCallback(
    async (name, ask) => {
      const { csrf } = await client.ensureQueryData(sessionQuery);
      return call(name, { ...ask, csrf });
    },
    [client],
  );
}

/** Why whoever is signed in may not change anything of that scope; undefined: they may. The server asks itself again. */
export function useRefusal(scope: "device" | "fleet"): string | undefined {
  const { data } = useQuery(sessionQuery);
  return data === undefined ? "who is signed in is not known yet" : refusesPerson(data.role, scope);
}

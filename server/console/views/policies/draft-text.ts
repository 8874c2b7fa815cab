import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect } from "react";

interface Draft {
  readonly text: string | undefined;
  readonly write: (text: string) => void;
  /** Back to what it began with. */
  readonly drop: () => void;
}

/**
 * The words somebody works on. They are kept while the console is open, whatever page is looked at meanwhile, and go
 * with everything else when the person signs out.
 */
export function useDraft(from: number | undefined, begun: string | undefined): Draft {
  const client = useQueryClient();
  const key = `${from ?? "newest"}`;
  const { data } = useQuery({
    queryKey: ["policy-draft", key],
    queryFn: () => Promise.resolve(""),
    enabled: false,
    gcTime: Infinity,
    staleTime: Infinity,
  });
  const write = useCallback((text: string) => client.setQueryData(["policy-draft", key], text), [client, key]);
  const drop = useCallback(() => void client.resetQueries({ queryKey: ["policy-draft", key] }), [client, key]);
  const changed = data !== undefined && data !== begun;
  useEffect(() => {
    if (!changed) return undefined;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [changed]);
  return { text: data ?? begun, write, drop };
}

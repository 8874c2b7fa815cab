import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { LogOut } from "lucide-react";
import { call } from "../data/call.ts";
import { sessionQuery } from "../data/queries.ts";
import { visible } from "./visible-text.ts";

/** Who is signed in, and the way out. */
export function SessionMenu() {
  const { data: session } = useQuery(sessionQuery);
  const client = useQueryClient();
  const signOut = useMutation({
    mutationFn: (csrf: string) => call("signOut", { csrf }),
    // Nothing read with this session stays in memory; the frame then finds that nobody is signed in.
    onSuccess: () => client.resetQueries(),
  });
  if (session === undefined) return <span className="grow" />;
  const words = signOut.isError ? "Signing out failed; try again" : "Sign out";
  return (
    <>
      <span
        className="hidden min-w-0 grow truncate px-1.5 text-xs text-soft md:block"
        title={`${session.user}, ${session.role}`}
      >
        {visible(session.user)} · {session.role}
      </span>
      <button
        type="button"
        aria-label={words}
        title={words}
        disabled={signOut.isPending}
        className="grid size-8 shrink-0 place-items-center rounded-lg text-soft hover:bg-sunken hover:text-ink"
        onClick={() => signOut.mutate(session.csrf)}
      >
        <LogOut size={16} aria-hidden="true" />
      </button>
    </>
  );
}

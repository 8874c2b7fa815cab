import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { Role } from "@provost/shared/model/role.ts";
import { LogOut } from "lucide-react";
import { call } from "../data/call.ts";
import { sessionQuery } from "../data/queries.ts";
import { visible } from "./visible-text.ts";

const roleMeans: Readonly<Record<Role, string>> = {
  owner: "the owner does everything",
  analyst: "an analyst acts on one device at a time",
  auditor: "an auditor reads, and changes nothing",
};

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
  // On a phone there is no room for who it is, so the button says it.
  const whom = `${words} (${visible(session.user)}, ${session.role})`;
  return (
    <>
      <span
        className="hidden min-w-0 grow truncate px-1.5 text-xs text-soft md:block"
        title={`Signed in as ${visible(session.user)}: ${roleMeans[session.role]}`}
      >
        {visible(session.user)}
        {session.user === session.role ? undefined : ` · ${session.role}`}
      </span>
      <button
        type="button"
        aria-label={words}
        title={whom}
        disabled={signOut.isPending}
        className="grid size-8 shrink-0 place-items-center rounded-lg text-soft hover:bg-sunken hover:text-ink"
        onClick={() => signOut.mutate(session.csrf)}
      >
        <LogOut size={16} aria-hidden="true" />
      </button>
    </>
  );
}

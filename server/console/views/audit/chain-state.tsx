import { useQuery } from "@tanstack/react-query";
import { Link2, LoaderCircle, Unlink } from "lucide-react";
import type { ReactNode } from "react";
import { auditChainQuery } from "../../data/queries.ts";
import { counted } from "../../parts/number-words.ts";
import { Time } from "../../parts/time.tsx";
import { visible } from "../../parts/visible-text.ts";

/** What the server found when it read its whole audit again. */
export function ChainState() {
  const { data, error, isFetching, refetch } = useQuery(auditChainQuery);
  const again = (
    <button
      type="button"
      className="button ml-auto h-7 shrink-0 px-2.5 text-xs font-normal"
      disabled={isFetching}
      onClick={() => void refetch()}
    >
      Check again
    </button>
  );
  // Why is said below, where the entries would stand.
  if (error !== null && !isFetching)
    return (
      <Line tone="unproven" icon={<Unlink size={15} aria-hidden="true" className="shrink-0 text-tone" />}>
        <span>Whether the chain is whole could not be found out.</span>
        {again}
      </Line>
    );
  if (data === undefined || isFetching)
    return (
      <Line tone={undefined} icon={<LoaderCircle size={15} aria-hidden="true" className="shrink-0" />}>
        <span>The server reads the chain from its first entry…</span>
      </Line>
    );
  const { whole, entries, broken, at } = data;
  if (whole)
    return (
      <Line tone="proven" icon={<Link2 size={15} aria-hidden="true" className="shrink-0 text-tone" />}>
        <span>
          <strong className="font-semibold text-tone">Unbroken.</strong> Each of {counted(entries, "entry", "entries")}{" "}
          follows from the one before.{" "}
          <span className="text-soft">
            Checked <Time at={at} brief />
          </span>
        </span>
        {again}
      </Line>
    );
  return (
    <Line tone="refuted" icon={<Unlink size={15} aria-hidden="true" className="shrink-0 text-tone" />}>
      <span>
        <strong className="font-semibold text-tone">Broken at entry {broken?.sequence}:</strong>{" "}
        {visible(broken?.why ?? "")}. The {counted(entries, "entry", "entries")} before it are as they were written.
        Copy the server’s database before anything else, and compare with earlier exports.
      </span>
      {again}
    </Line>
  );
}

function Line(props: { readonly tone: string | undefined; readonly icon: ReactNode; readonly children: ReactNode }) {
  return (
    <section
      aria-label="The chain"
      data-tone={props.tone}
      className={`flex items-center gap-2.5 rounded-lg border px-3 py-2 text-sm ${props.tone === undefined ? "bg-surface text-soft" : "bg-tone-wash"}`}
    >
      {props.icon}
      {props.children}
    </section>
  );
}

import { CircleAlert, Inbox, RefreshCw } from "lucide-react";
import type { ReactNode } from "react";
import { address } from "../address.ts";
import { asFailure } from "../data/failure.ts";

/** Nothing here, and what to do about it. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-2 px-6 py-12 text-center">
      <Inbox size={24} strokeWidth={1.5} aria-hidden="true" className="text-soft" />
      <p className="text-base font-semibold">{title}</p>
      <div className="max-w-prose text-sm text-soft">{children}</div>
    </div>
  );
}

/** Lines where text will be. Said once, quietly, to a screen reader. */
export function Loading({ what, lines = 4 }: { readonly what: string; readonly lines?: number }) {
  return (
    <output className="flex flex-col gap-3 p-1">
      <span className="sr-only">Loading {what}</span>
      {Array.from({ length: lines }, (_, line) => (
        <span
          key={line}
          className="h-4 animate-pulse rounded-md bg-sunken"
          style={{ width: `${90 - ((line * 23) % 45)}%` }}
        />
      ))}
    </output>
  );
}

/** What the server said when it refused: the Problem's detail, its code, and a way to try again. */
export function Failed({ error, again }: { readonly error: unknown; readonly again?: () => void }) {
  const failure = asFailure(error);
  return (
    <div role="alert" data-tone="refuted" className="panel flex flex-col items-start gap-2 p-4">
      <p className="flex items-center gap-2 font-semibold text-tone">
        <CircleAlert size={17} aria-hidden="true" />
        {failure.title}
      </p>
      <p className="max-w-prose text-sm">{failure.message}</p>
      <p className="text-xs text-soft">
        Code <code className="font-mono">{failure.code}</code>
        {failure.status > 0 ? ` · HTTP ${failure.status}` : ""}
      </p>
      {again === undefined ? undefined : (
        <button type="button" className="button mt-1" onClick={again}>
          <RefreshCw size={14} aria-hidden="true" />
          Try again
        </button>
      )}
    </div>
  );
}

export function PageBroke({ error, reset }: { readonly error: unknown; readonly reset?: () => void }) {
  return (
    <div className="mx-auto max-w-2xl p-6">
      <h1 className="mb-3 text-xl font-semibold">This page could not be shown</h1>
      <Failed error={error} {...(reset === undefined ? {} : { again: reset })} />
    </div>
  );
}

export function NotFound() {
  return (
    <div className="mx-auto max-w-2xl p-6">
      <title>Not found · Provost</title>
      <h1 className="text-xl font-semibold">There is no such page</h1>
      <p className="mt-2 text-sm text-soft">
        The address names nothing in this console.{" "}
        <a className="inline-link" href={address.overview()}>
          Go to the overview
        </a>
        .
      </p>
    </div>
  );
}

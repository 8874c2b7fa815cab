import type { ReactNode } from "react";

/** A page that scrolls as a whole. */
export function Page(props: {
  readonly title: string;
  readonly heading?: ReactNode;
  readonly above?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <div className="mx-auto flex w-full max-w-[90rem] flex-col gap-5 px-4 py-5 md:px-8 md:py-7">
      <title>{`${props.title} · Provost`}</title>
      <header className="flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
        <div className="min-w-0">
          {props.above}
          <h1 className="text-xl font-semibold tracking-tight wrap-anywhere">{props.heading ?? props.title}</h1>
        </div>
        {props.actions}
      </header>
      {props.children}
    </div>
  );
}

/** A page that is one list: the list alone scrolls, its filters stay. */
export function ListPage(props: {
  readonly title: string;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <div className="flex h-[calc(100dvh-6.75rem)] min-h-96 flex-col gap-3 px-4 pt-4 md:h-dvh md:px-8 md:pt-7 md:pb-6">
      <title>{`${props.title} · Provost`}</title>
      <header className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
        <h1 className="text-xl font-semibold tracking-tight">{props.title}</h1>
        {props.actions}
      </header>
      {props.children}
    </div>
  );
}

export function Panel(props: {
  readonly title: string;
  readonly note?: ReactNode;
  readonly children: ReactNode;
  readonly tone?: string;
  readonly className?: string;
}) {
  return (
    <section aria-label={props.title} data-tone={props.tone} className={`panel min-w-0 ${props.className ?? ""}`}>
      <header
        className={`flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1 rounded-t-xl px-4 ${props.tone === undefined ? "pt-3.5 pb-2" : "mb-3 bg-tone-wash py-2.5"}`}
      >
        <h2 className={`text-base font-semibold ${props.tone === undefined ? "" : "text-tone"}`}>{props.title}</h2>
        {props.note === undefined ? undefined : <span className="text-xs text-soft">{props.note}</span>}
      </header>
      <div className="px-4 pb-4">{props.children}</div>
    </section>
  );
}

/** Names and values, aligned. */
export function Facts({ facts }: { readonly facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="grid grid-cols-[minmax(6rem,auto)_minmax(0,1fr)] gap-x-4 gap-y-1.5 text-sm">
      {facts.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-soft">{name}</dt>
          <dd className="min-w-0 wrap-anywhere">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

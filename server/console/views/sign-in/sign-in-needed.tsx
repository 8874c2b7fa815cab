import { KeyRound } from "lucide-react";
import { Mark } from "../../parts/mark.tsx";

/** Nobody is signed in. The link is on the terminal where the server was started. */
export function SignInNeeded() {
  return (
    <main className="grid min-h-dvh place-items-center p-4">
      <title>Sign in · Provost</title>
      <div className="panel w-full max-w-md p-7 shadow-lift">
        <p className="flex items-center gap-2.5 text-lg font-semibold">
          <Mark />
          Provost
        </p>
        <h1 className="mt-5 flex items-center gap-2 text-xl font-semibold">
          <KeyRound size={20} aria-hidden="true" className="text-accent" />
          Sign in to see your fleet
        </h1>
        <p className="mt-2 text-sm text-soft">
          Open the one-time link that{" "}
          <code className="rounded bg-sunken px-1 font-mono text-xs text-ink">npm start</code> printed on the terminal
          where the server runs. It looks like this:
        </p>
        <p className="mt-3 rounded-lg bg-sunken px-3 py-2 font-mono text-xs wrap-anywhere">
          {location.origin}/sign-in?token=…
        </p>
        <p className="mt-3 text-sm text-soft">
          A link works once. If it was used already or your session has ended, start the server again: it prints a new
          one.
        </p>
        <a className="button button-primary mt-5 w-full" href={location.href} target="_self">
          I have signed in: load this page again
        </a>
      </div>
    </main>
  );
}

import { address } from "../../address.ts";
import { count, counted, share } from "../../parts/number-words.ts";
import { StandingBar } from "../../parts/standing-bar.tsx";
import type { OverviewData } from "./overview-data.ts";

/** The one sentence: how much of what runs now is proven or signed, by whom, and how much is not. */
export function Headline({ overview }: { readonly overview: OverviewData }) {
  const { running } = overview;
  const { proven, signed } = running.standings;
  const percent = share(proven + signed, running.total);
  return (
    <section aria-label="Running programs" className="panel px-5 py-5 md:px-7 md:py-6">
      {percent === undefined ? (
        <p className="text-lg">No running program has been reported yet.</p>
      ) : (
        <p className="max-w-[62rem] text-xl leading-snug tracking-tight text-pretty md:text-2xl">
          <strong className="font-semibold text-accent tabular-nums">{percent}</strong> of what runs now has proof of
          where it came from:{" "}
          <span className="text-soft">
            {count(proven + signed)} of {counted(running.total, "program")}, {count(signed)} signed by their publisher
            and {count(proven)} proven back to source.
          </span>
        </p>
      )}
      <div className="mt-5">
        <StandingBar
          counts={running}
          label="Running programs"
          linkTo={(standing) => address.executables({ standing: [standing], running: true })}
        />
      </div>
    </section>
  );
}

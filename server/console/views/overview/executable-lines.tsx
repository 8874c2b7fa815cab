import { address } from "../../address.ts";
import { Path } from "../../parts/path.tsx";
import { Time } from "../../parts/time.tsx";
import { VerdictBadge } from "../../parts/verdict-badge.tsx";
import { visible } from "../../parts/visible-text.ts";
import type { OverviewData } from "./overview-data.ts";

/** A few files, each with its verdict and its reason. */
export function ExecutableLines(props: { readonly rows: OverviewData["refuted"]; readonly label: string }) {
  return (
    <ul aria-label={props.label} className="flex flex-col divide-y divide-line">
      {props.rows.map((row) => (
        <li
          key={row.id}
          className="relative flex flex-col gap-x-4 gap-y-1 py-2 first:pt-0 last:pb-0 md:flex-row md:items-center"
        >
          <span className="shrink-0 md:w-44">
            <VerdictBadge standing={row.standing} basis={row.basis} />
          </span>
          <span className="min-w-0 grow">
            <Path path={row.path} root={row.root} href={address.executable(row.id)} covers />
            <span className="line-clamp-2 text-xs text-soft wrap-anywhere" title={visible(row.says)}>
              {visible(row.says)}
            </span>
          </span>
          <span className="flex shrink-0 gap-2 text-xs text-soft md:w-40 md:flex-col md:items-end md:gap-0">
            <span className="max-w-40 truncate font-medium text-ink">{visible(row.deviceName)}</span>
            <span>
              {row.running > 0 ? `running ${row.running}× · ` : ""}
              <Time at={row.changedAt} brief />
            </span>
          </span>
        </li>
      ))}
    </ul>
  );
}

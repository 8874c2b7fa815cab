import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import type { Answer } from "@provost/shared/protocol/api.ts";
import { address } from "../../address.ts";
import { packageQuery } from "../../data/queries.ts";
import { Chain } from "../../parts/chain.tsx";
import { count, counted } from "../../parts/number-words.ts";
import { Facts, Page, Panel } from "../../parts/page.tsx";
import { StandingBar } from "../../parts/standing-bar.tsx";
import { Empty, Failed, Loading } from "../../parts/states.tsx";
import { Time } from "../../parts/time.tsx";
import { visible } from "../../parts/visible-text.ts";
import { ecosystemWords } from "./packages.tsx";
import { Proof, proofWords } from "./proof-state.tsx";

type PackageData = Answer<"package">;

export function Package() {
  const search: Readonly<Record<string, unknown>> = useSearch({ strict: false });
  const purl = typeof search["purl"] === "string" ? search["purl"].slice(0, 2000) : "";
  const { data, error, refetch } = useQuery({ ...packageQuery(purl), enabled: purl !== "" });
  const title = data === undefined ? "Package" : visible(`${data.name} ${data.version}`);
  const above = (
    <p className="mb-1 text-sm">
      <a className="inline-link" href={address.packages()}>
        Packages
      </a>
    </p>
  );
  return (
    <Page title={title} above={above}>
      {purl === "" ? (
        <Empty title="No package is named">The address of this page ends in ?purl= and a package URL.</Empty>
      ) : undefined}
      {error === null ? undefined : <Failed error={error} again={() => void refetch()} />}
      {data !== undefined ? (
        <Filled data={data} />
      ) : purl !== "" && error === null ? (
        <Loading what="the package" lines={8} />
      ) : undefined}
    </Page>
  );
}

function Filled({ data }: { readonly data: PackageData }) {
  return (
    <>
      <section
        aria-label="Proof"
        data-tone={proofWords[data.proof].tone}
        className="panel border-tone/35 bg-tone-wash px-5 py-5 md:px-7"
      >
        <Proof state={data.proof} />
        <p className="mt-1.5 max-w-[52rem] text-xl leading-snug tracking-tight wrap-anywhere">{visible(data.says)}</p>
      </section>
      <div className="grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_26rem]">
        <Panel title="Where it comes from">
          {data.chain.length === 0 ? (
            <p className="text-sm text-soft">No evidence about this version is held.</p>
          ) : (
            <Chain chain={data.chain} />
          )}
        </Panel>
        <div className="flex min-w-0 flex-col gap-5">
          <Panel title="Identity">
            <Facts
              facts={[
                [
                  "Package URL",
                  <code key="purl" className="font-mono text-xs">
                    {visible(data.purl)}
                  </code>,
                ],
                ["Ecosystem", ecosystemWords[data.ecosystem]],
                ...(data.arch === undefined ? [] : [["Architecture", visible(data.arch)] as const]),
                ["From", visible(data.origin ?? "not stated")],
                ["Files", count(data.files)],
              ]}
            />
          </Panel>
          <Panel
            title="Files that can run"
            note={
              <a className="inline-link" href={address.executables({ package: data.purl })}>
                Open {count(data.executables.total)}
              </a>
            }
          >
            <StandingBar
              counts={data.executables}
              label="Files that can run"
              linkTo={(standing) => address.executables({ package: data.purl, standing: [standing] })}
            />
          </Panel>
          <Installs installs={data.installs} />
        </div>
      </div>
    </>
  );
}

function Installs({ installs }: Pick<PackageData, "installs">) {
  return (
    <Panel title="Installed on" note={counted(installs.length, "place")}>
      {installs.length === 0 ? <p className="text-sm text-soft">No device has it now.</p> : undefined}
      <ul className="flex max-h-96 flex-col divide-y divide-line overflow-auto">
        {installs.map(({ device, deviceName, location, firstSeen }) => (
          <li key={`${device} ${location}`} className="relative py-2 text-sm">
            <a className="covers-row font-medium hover:underline" href={address.device(device)}>
              {visible(deviceName)}
            </a>
            <span className="block font-mono text-xs text-soft wrap-anywhere">{visible(location)}</span>
            <span className="block text-xs text-soft">
              since <Time at={firstSeen} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

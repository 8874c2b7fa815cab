import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { Answer } from "@provost/shared/protocol/api.ts";
import { PencilLine } from "lucide-react";
import { address } from "../../address.ts";
import { policiesQuery, policyQuery } from "../../data/queries.ts";
import { CopyButton } from "../../parts/copy-button.tsx";
import { counted } from "../../parts/number-words.ts";
import { Facts, Page, Panel } from "../../parts/page.tsx";
import { Failed, Loading } from "../../parts/states.tsx";
import { Time } from "../../parts/time.tsx";
import { visible } from "../../parts/visible-text.ts";
import { DiffLines } from "./diff-lines.tsx";
import { CurrentMark } from "./policies.tsx";
import { EarlierSteps, Rings } from "./rings.tsx";
import { YamlField } from "./yaml-field.tsx";

type PolicyData = Answer<"policy">;

/** One policy that was published: its words, its rings, and what it changed. */
export function Policy() {
  const { number: asked } = useParams({ strict: false });
  const number = Number(asked);
  const { data, error, refetch } = useQuery(policyQuery(number));
  return (
    <Page
      title={`Policy ${visible(String(asked)).slice(0, 16)}`}
      heading={
        <span className="flex flex-wrap items-center gap-3">
          Policy {visible(String(asked)).slice(0, 16)}
          {data?.current === true ? <CurrentMark /> : undefined}
        </span>
      }
      above={
        <p className="mb-1 text-sm">
          <a className="inline-link" href={address.policies()}>
            Policies
          </a>
        </p>
      }
      actions={
        data === undefined ? undefined : (
          <a className="button" href={address.policyDraft(number)}>
            <PencilLine size={14} aria-hidden="true" />
            Write the next one from it
          </a>
        )
      }
    >
      {error === null ? undefined : <Failed error={error} again={() => void refetch()} />}
      {data !== undefined ? (
        <Filled policy={data} />
      ) : error === null ? (
        <Loading what="the policy" lines={10} />
      ) : undefined}
    </Page>
  );
}

function Filled({ policy }: { readonly policy: PolicyData }) {
  return (
    <div className="grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_26rem]">
      <div className="flex min-w-0 flex-col gap-5">
        <Changed policy={policy} />
        <Panel title="Its words" note={<CopyButton text={policy.yaml} label="its words" />}>
          <YamlField label={`Policy ${policy.number}, in YAML`} value={policy.yaml} />
        </Panel>
      </div>
      <div className="flex min-w-0 flex-col gap-5">
        <Panel title="Published">
          <Facts
            facts={[
              ["By", visible(policy.by)],
              ["When", <Time key="when" at={policy.at} />],
              ["Why", visible(policy.why)],
              ["Rules", policy.devices === 0 ? "no device now" : counted(policy.devices, "device")],
            ]}
          />
        </Panel>
        <Panel title="Rings" {...(policy.current ? {} : { note: "as they would be, were it current" })}>
          <Rings policy={policy} />
          <EarlierSteps policy={policy} />
        </Panel>
      </div>
    </div>
  );
}

/** Against the policy that was published before it. */
function Changed({ policy }: { readonly policy: PolicyData }) {
  const list = useQuery(policiesQuery).data?.published;
  const before = list?.find(({ number }) => number < policy.number)?.number;
  const { data, error, refetch } = useQuery({ ...policyQuery(before ?? 0), enabled: before !== undefined });
  if (before === undefined) return undefined;
  return (
    <Panel title={`What it changed against policy ${before}`}>
      {error === null ? undefined : <Failed error={error} again={() => void refetch()} />}
      {data === undefined && error === null ? <Loading what="the policy before" lines={3} /> : undefined}
      {data === undefined ? undefined : (
        <DiffLines before={data.yaml} after={policy.yaml} label={`Lines changed since policy ${before}`} />
      )}
    </Panel>
  );
}

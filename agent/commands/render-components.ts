import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { Components } from "@provost/shared/provenance/components.ts";
import type { Signer } from "@provost/shared/provenance/sigstore/signer.ts";

/** Source, build, signature, timestamp, dependencies: what a person has to be able to read of every proven file. */
export function componentLines({ source, build, signature, timestamps, dependencies }: Components): readonly string[] {
  const said = (parts: readonly (string | undefined | false)[]): string =>
    parts.filter((part) => typeof part === "string" && part !== "").join(", ") || "not named";
  const labelled = (label: string, value: string | undefined): string | undefined =>
    value === undefined ? undefined : `${label} ${value}`;
  const inputs = Object.entries(build.inputs).map(([name, value]) => `${name}=${value}`);
  return [
    `  Source      ${said([source.repository, source.ref, labelled("commit", source.commit), labelled("by", source.author)])}`,
    `  Build       ${said([
      labelled("by", build.builder),
      labelled("workflow", build.workflow),
      labelled("runner", build.runner),
      labelled("on", build.trigger),
      build.invocation,
      inputs.length > 0 && `inputs ${inputs.join(" ")}`,
    ])}`,
    `  Signature   ${signerText(signature)}`,
    `  Timestamp   ${said(timestamps.map(({ at, by }) => `${new Date(at).toISOString()} by ${by}`))}`,
    `  Depends on  ${dependencies.length === 0 ? "nothing that is named" : `${dependencies.length}:`}`,
    ...dependencies.slice(0, shown).map(({ uri, digest }) => `              ${uri}${digestText(digest)}`),
    ...(dependencies.length > shown ? [`              and ${dependencies.length - shown} more`] : []),
  ];
}

function signerText(signer: Signer): string {
  switch (signer.kind) {
    case "key":
      return `the key ${signer.name} (${signer.fingerprint})`;
    case "certificate":
      return `${signer.identity}, vouched for by ${signer.issuer}, certificate of ${signer.authority}`;
    case "subject":
      return `${signer.subject}, certificate of ${signer.authority}`;
    default:
      return unreachable(signer);
  }
}

const shown = 20;

function digestText(digest: Readonly<Record<string, string>>): string {
  const [first] = Object.entries(digest);
  return first === undefined ? "" : ` (${first[0]} ${first[1]})`;
}

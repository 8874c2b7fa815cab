import type { Verdict } from "../model/verdict.ts";
import { builtFrom } from "./built.ts";
import type { Situation } from "./situation.ts";

/** Where a file comes from as far as evidence that holds says so: what a policy may expect of it. */
export function originOf(
  verdict: Pick<Verdict, "chain">,
): Pick<Situation["file"], "source" | "builder" | "signer" | "built"> {
  const fact = (name: string): string | undefined =>
    verdict.chain
      .map(({ state, facts }) => (state === "verified" ? facts?.[name] : undefined))
      .find((one) => one !== undefined);
  const [source, builder, signer] = [fact("repository"), fact("builder"), fact("identity") ?? fact("key")];
  return {
    ...(source === undefined ? {} : { source }),
    ...(builder === undefined ? {} : { builder }),
    ...(signer === undefined ? {} : { signer }),
    built: builtFrom(verdict),
  };
}

import type { Verdict } from "@provost/shared/model/verdict.ts";
import { originOf } from "@provost/shared/policy/origin.ts";
import type { Situation } from "@provost/shared/policy/situation.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import type { Looked } from "./look-at.ts";

/** A file on the command line as a policy sees it. Nothing runs it, so it listens nowhere and nobody has a history of it here. */
export function situationOf(
  verdict: Verdict,
  looked: Looked,
  subject: Subject,
  device: Situation["device"],
): Situation {
  const purl = looked.facts.records[0]?.purl;
  return {
    verdict,
    device,
    file: {
      path: looked.facts.root + looked.facts.path,
      sha256: subject.sha256,
      ...(purl === undefined ? {} : { package: purl }),
      ...originOf(verdict),
      privileged: (looked.facts.mode & setIdBits) !== 0,
      listening: false,
    },
  };
}

const setIdBits = 0o6000;

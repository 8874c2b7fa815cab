import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { ChainLink } from "@provost/shared/model/verdict.ts";
import { timeText } from "@provost/shared/provenance/words.ts";
import { documentsAbout } from "./documents-about.ts";
import type { Handler } from "./handler.ts";

export const executables: Handler<"executables"> = ({ query, parts }) => parts.store.read.executables(query);

/** The chain is computed now from the stored facts and proofs: the same function that judged, so it cannot disagree. */
export const executable: Handler<"executable"> = ({ id, parts }) => {
  const stored = parts.store.read.executable(id);
  if (stored === undefined) return undefined;
  const { row, facts, rest, trustVersion, judgedAt } = stored;
  const { verdict } = parts.desk.judgeFor(row.device as DeviceId)(facts);
  const processes = rest.processes.length;
  const chain: ChainLink[] = [
    ...verdict.chain,
    {
      link: "device",
      state: "recorded",
      says: `The agent on ${row.deviceName} read these bytes from its disk and reported their digest.`,
      facts: { device: row.device },
    },
    processes > 0
      ? {
          link: "process",
          state: "recorded",
          says: `${processes} running ${processes === 1 ? "process maps" : "processes map"} this file by its inode.`,
        }
      : { link: "process", state: "recorded", says: "Nothing runs from this file now." },
  ];
  return {
    ...row,
    standing: verdict.standing,
    basis: verdict.basis,
    says: verdict.says,
    ...(verdict.standing === "unchecked" ? { wanted: verdict.wanted } : {}),
    ...(verdict.standing === "proven" && verdict.slsaLevel !== undefined ? { slsaLevel: verdict.slsaLevel } : {}),
    chain: chain,
    trustVersion,
    judgedAt,
    identity: identityOf(facts),
    documents: documentsAbout(facts, parts.store.library),
    ...rest,
  };
};

const identityOf = (
  facts: Parameters<ReturnType<Parameters<Handler<"executable">>[0]["parts"]["desk"]["judgeFor"]>>[0],
): Record<string, string> => ({
  device: String(facts.identity.dev),
  inode: String(facts.identity.ino),
  size: String(facts.identity.size),
  changed: timeText(facts.identity.ctimeMs),
  mode: `0${(facts.mode & 0o7777).toString(8)}`,
  owner: String(facts.uid),
  ...Object.fromEntries(
    facts.records.map((record, index) => [`record ${index + 1}`, `${record.via} ${record.purl} (${record.agrees})`]),
  ),
});

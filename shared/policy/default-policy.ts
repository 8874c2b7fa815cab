import { provenBases, signedBases } from "../model/verdict.ts";
import { defaultGate } from "./gate.ts";
import type { Policy } from "./rules.ts";

/**
 * What holds on a device whose owner has written no policy: something has to claim a program, if only a record on the device. What
 * could not be checked is recorded. Number 0, so that it can be told from every policy that somebody wrote.
 */
export const defaultPolicy: Policy = {
  number: 0,
  mode: "enforce",
  gate: defaultGate,
  expectations: [],
  requirements: [
    {
      name: "something claims it",
      match: {},
      standings: ["proven", "signed", "unproven"],
      bases: [...provenBases, ...signedBases, "pinned", "recorded", "generated"],
      minimumLevel: undefined,
      otherwise: { unproven: "block" },
    },
  ],
  otherwise: { refuted: "block", unproven: "block", unchecked: "record", late: "record", unexpected: "warn" },
  exceptions: [],
};

import type { Answer, Api } from "@provost/shared/protocol/api.ts";
import type { Parsed, StoredSession } from "../../store/store.ts";
import type { Parts } from "../parts.ts";

export interface Asked<Name extends keyof Api> {
  readonly query: Parsed<Name>;
  /** The :id of the address, "" where there is none. */
  readonly id: string;
  readonly session: StoredSession;
  readonly secret: string;
  readonly parts: Parts;
}

/** Undefined: there is no such thing. */
export type Handler<Name extends keyof Api> = (
  asked: Asked<Name>,
) => Answer<Name> | undefined | Promise<Answer<Name> | undefined>;

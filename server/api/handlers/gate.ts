import type { Parts } from "../parts.ts";
import type { Handler } from "./handler.ts";

/** What pages call "the last 24 hours". */
const dayMs = 86_400_000;

export const gateSummary = ({ store, now }: Pick<Parts, "store" | "now">, device?: string) =>
  store.gate.summary(now() - dayMs, device);

export const decisions: Handler<"decisions"> = ({ query, parts }) => parts.store.gate.decisions(query);

export const findings: Handler<"findings"> = ({ query, parts }) => parts.store.gate.findings(query);

export const requests: Handler<"requests"> = ({ query, parts }) => parts.store.gate.requests(query);

export const deviceDecisions: Handler<"deviceDecisions"> = ({ id, query, parts }) =>
  parts.store.inventory.device(id) === undefined ? undefined : parts.store.gate.decisions(query, id);

export const deviceAlarms: Handler<"deviceAlarms"> = ({ id, query, parts }) =>
  parts.store.inventory.device(id) === undefined ? undefined : parts.store.gate.findings(query, id);

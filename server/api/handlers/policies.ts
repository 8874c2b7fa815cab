import { authorise } from "./commands.ts";
import type { Handler } from "./handler.ts";

export const policies: Handler<"policies"> = ({ parts }) => parts.policies.list();

export const policy: Handler<"policy"> = ({ id, parts }) =>
  /^[1-9]\d{0,14}$/.test(id) ? parts.policies.detail(Number(id)) : undefined;

export const rehearsePolicy: Handler<"rehearsePolicy"> = ({ query, parts }) =>
  parts.policies.rehearse(query.yaml, query.days);

export const publishPolicy: Handler<"publishPolicy"> = ({ query, parts, session }) => {
  authorise(session, "fleet");
  return { number: parts.policies.publish(query, session.user) };
};

export const turnOnRing: Handler<"turnOnRing"> = ({ query, parts, session }) => {
  authorise(session, "fleet");
  parts.policies.turnOn(query.group, query.why, session.user);
  return {};
};

import { keyName } from "../../edge/keys.ts";
import type { Handler } from "./handler.ts";

export const audit: Handler<"audit"> = ({ query, parts }) => parts.store.audit.audit(query);

export const auditChain: Handler<"auditChain"> = async ({ parts }) => ({
  ...(await parts.checkChain()),
  key: keyName(parts.store.access.serverKey().publicKey),
});

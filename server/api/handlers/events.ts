import type { Handler } from "./handler.ts";

export const events: Handler<"events"> = ({ query, parts }) => parts.store.events.events(query);

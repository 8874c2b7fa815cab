/** The WebSocket subprotocol. A change that an older peer cannot read gets a new number. */
export const subprotocol = "provost.v3";
/** What a server still speaks with agents that are older than itself: v2 lacks `events`, `report` and commands, v1 also what the gate tells. */
export const olderSubprotocols: readonly string[] = ["provost.v2", "provost.v1"];
export const productVersion = "0.1.0";

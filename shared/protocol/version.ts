/** The WebSocket subprotocol. A change that an older peer cannot read gets a new number. */
export const subprotocol = "provost.v1";
export const productVersion = "0.1.0";

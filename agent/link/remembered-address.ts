import { lookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { isIP } from "node:net";
import type { State } from "../state/state.ts";
import { readMeta, writeMeta } from "../state/state.ts";

/** A device that is cut off has no name server: its waiting must not take the handshake's whole time. */
const patienceMs = 3000;

/** Where this device reached its server last: the one address that stays reachable when it is cut off. */
export const serverAddress = (state: State): string | undefined => readMeta(state, "server-address");

export function rememberAddress(state: State, address: string | undefined): void {
  const plain = address?.replace(/^::ffff:(?=\d+\.)/, "");
  if (plain !== undefined && isIP(plain) !== 0 && plain !== serverAddress(state))
    writeMeta(state, "server-address", plain);
}

/** Looks a name up; where nobody answers, the address that was reached last is tried. It is believed no more than any: the server proves itself. */
export function lookUpOrRemember(state: State, ask: typeof lookup = lookup): LookupFunction {
  return (host, options, done) => {
    let isOver = false;
    const end: typeof done = (cause, address, family) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(late);
      const remembered = cause === null ? undefined : serverAddress(state);
      if (remembered === undefined) return done(cause, address, family);
      if (options.all === true) return done(null, [{ address: remembered, family: isIP(remembered) }]);
      return done(null, remembered, isIP(remembered));
    };
    const late = setTimeout(() => end(new Error(`no name server answers for ${host}`), ""), patienceMs);
    ask(host, options, end);
  };
}

/**
 * The part of the agent that carries out orders, as a process of its own that can be killed between any two steps.
 * acting-agent.ts FOLDER LOG KILL_AT [BODY SIGNATURE]: takes the order, or without one recovers. Ends itself at the boundary KILL_AT.
 */
import { appendFileSync } from "node:fs";
import { openActions } from "../../agent/actions/start.ts";
import { openState } from "../../agent/state/state.ts";

const [folder = "", log = "", killAt = "", body, signature] = process.argv.slice(2);
let boundary = 0;

/** Each write to the journal, and each touch of the device before and after, is one. */
function pass(what: string): void {
  appendFileSync(log, `${process.pid} ${what}\n`);
  if (boundary === Number(killAt)) process.kill(process.pid, "SIGKILL");
  boundary += 1;
}

const state = openState(folder);
const actions = openActions(
  state,
  () => undefined,
  () => pass("written"),
  (where, { step }) => pass(`${where} ${step}`),
);
await (body === undefined || signature === undefined ? actions.recover() : actions.take(body, signature));
// What only looks goes on beside: this waits until it has come to its end, or waits for the server.
await actions.heard("");
state.close();
process.stdout.write(String(boundary));

/** Calls one function of the isolation inside whatever network namespace it is started in, and prints what it said as JSON. */
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { cut, hasRules, isCut, reconnect } from "../../agent/host/network.ts";

const [what = "", ...words] = process.argv.slice(2);

async function answer(): Promise<unknown> {
  switch (what) {
    case "cut":
      return cut(words);
    case "undo":
      return reconnect() ?? "undone";
    case "look":
      return { rules: hasRules(), cut: await isCut() };
    case "connect":
      return Promise.all(words.map(tcp));
    case "send":
      return Promise.all(words.map(udp));
    default:
      throw new Error(`isolate knows no ${what}`);
  }
}

const tcp = (address: string): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect({ host: address, port: 9, timeout: 700 });
    // Nobody listens there: a refusal comes from the other machine, so it was reached.
    socket.on("error", (cause) => resolve("code" in cause ? String(cause.code) : String(cause)));
    socket.on("timeout", () => socket.destroy(Object.assign(new Error(), { code: "TIMEOUT" })));
  });

const udp = (address: string): Promise<string> =>
  new Promise((resolve) => {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    socket.on("error", () => undefined);
    socket.send("provost", 9, address, (cause) => {
      resolve(cause === null ? "sent" : "code" in cause ? String(cause.code) : String(cause));
      socket.close();
    });
  });

try {
  process.stdout.write(JSON.stringify({ ok: await answer() }));
} catch (cause) {
  process.stdout.write(JSON.stringify({ failed: cause instanceof Error ? cause.message : String(cause) }));
}

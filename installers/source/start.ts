/** `npm start`: server and agent as two processes, as on two machines; progress, summary and the sign-in link on the terminal. */
import { fork, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { agentEnvironment, agentFlags } from "./agent-process.ts";
import { openScreen } from "./screen.ts";
import { summaryDocument, summaryText } from "./summary.ts";
import type { AgentMessage, Overview, ScanFrame, ServerMessage } from "./messages.ts";

const top = fileURLToPath(new URL("../..", import.meta.url));

const sensorProgram = join(top, "dist/sensor/provost-sensor");
/** unix(7): the name of a socket has 108 bytes with its end. */
const longestSocket = 107;
const sensorPauseMs = 2000;
/** What agent and sensor exit with when the owner stopped them. */
const stoppedInOrder = 10;

const { values: options } = readOptions();
if (options.help) {
  process.stdout.write(`npm start -- [--once] [--json] [--state DIR] [--port N] [--exclude DIR]... [--proof-minutes N]

  --once             one whole pass, print the summary, exit
  --json             the summary as one JSON document on standard output
  --state DIR        where server and agent keep their data (.provost)
  --port N           the console's port (4680, or the next free one)
  --exclude DIR      leave a folder out of the walk; what runs from it is judged all the same
  --proof-minutes N  with --once: wait at most so long for proofs from the archives (20)
  --gate MODE        off, record, warn, hold, block or quarantine: how far the gate goes (record); needs root and a built sensor
  --policy FILE      the owner's policy for this device; its gate section decides instead of --gate
`);
  process.exit(0);
}

await main();

function readOptions() {
  try {
    return parseArgs({
      options: {
        once: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
        state: { type: "string", default: join(top, ".provost") },
        port: { type: "string", default: "4680" },
        exclude: { type: "string", multiple: true, default: [] },
        "proof-minutes": { type: "string", default: "20" },
        gate: { type: "string", default: "record" },
        policy: { type: "string" },
      },
    });
  } catch (cause) {
    process.stderr.write(
      `provost: ${cause instanceof Error ? cause.message : String(cause)}\nprovost: \`npm start -- --help\` lists the options\n`,
    );
    return process.exit(2);
  }
}

async function main(): Promise<void> {
  const started = Date.now();
  const screen = openScreen(process.stderr);
  const children: ChildProcess[] = [];
  let stopping = false;

  const stop = (code: number): void => {
    if (stopping) return;
    stopping = true;
    screen.close();
    void stopAll(children).then(() => process.exit(code));
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      if (!stopping && !options.json) process.stderr.write("\nprovost: stopping\n");
      stop(0);
    });

  const giveUp = (what: string, code: string, why: string, remedy?: string): void => {
    screen.close();
    process.stderr.write(
      `provost: the ${what} failed: ${code}: ${why}\n${remedy === undefined ? "" : `provost: ${remedy}\n`}`,
    );
    stop(1);
  };

  const server = launch("server", {
    PROVOST_SERVER_STATE: join(options.state, "server"),
    PROVOST_PORT: options.port,
    PROVOST_PORT_TRIES: "20",
  });
  children.push(server);
  const inbox = openInbox(server);
  server.on("exit", (code, signal) => {
    if (!stopping)
      giveUp("server", "STATE_UNUSABLE", `it ended (${signal ?? `exit code ${code}`})`, "its messages stand above");
  });
  const ready = await inbox.next("ready", "failed");
  if (ready.kind === "failed") return giveUp("server", ready.code, ready.why, ready.remedy);

  screen.line(`console  ${ready.address}`);
  if (!options.once) screen.line(`sign in  ${ready.signIn}  (once, within 15 minutes)`);

  const sensor =
    options.once || options.gate === "off" ? undefined : startSensor(options.state, screen, () => stopping);
  if (sensor !== undefined) children.push(sensor.child());
  const agent = launch("agent", {});
  children.push(agent);
  const agentGone = new Promise<never>((_resolve, reject) => {
    agent.on("exit", (code, signal) => {
      // The owner stopped it: that is no failure.
      if (code === stoppedInOrder) return stop(0);
      reject(new Error(`it ended (${signal ?? `exit code ${code}`})`));
    });
  });
  agentGone.catch((cause: unknown) => {
    if (!stopping) giveUp("agent", "SCAN_FAILED", cause instanceof Error ? cause.message : String(cause));
  });
  const watch = watchAgent(agent, screen, giveUp);
  agent.send({
    folder: join(options.state, "agent"),
    server: ready.agentUrl,
    token: ready.token,
    excluded: [...options.exclude, join(options.state, "server")],
    once: options.once,
    mode: options.gate,
    ...(sensor === undefined ? {} : { sensor: sensor.socket, sensorProgram }),
    ...(options.policy === undefined ? {} : { policy: resolve(options.policy) }),
  });

  const { frame, gate } = await watch.scanned;
  await watch.drained();
  const overview = await waitForProofs(inbox, screen, Number(options["proof-minutes"]) * 60_000);
  const seconds = (Date.now() - started) / 1000;
  screen.close();
  if (options.json)
    process.stdout.write(`${JSON.stringify(summaryDocument(overview, frame, gate, watch.device(), seconds))}\n`);
  else {
    process.stdout.write(summaryText(overview, frame, gate, seconds, process.getuid?.() === 0));
    if (!options.once) {
      server.send({ ask: "sign-in" });
      const { link } = await inbox.next("sign-in");
      process.stdout.write(
        `\n  Console   ${ready.address}\n  Sign in   ${link}\n            (works once, within 15 minutes)\n\n  Watching. Ctrl-C stops it.\n`,
      );
    }
  }
  if (options.once) stop(0);
}

/**
 * The sensor, where this user may run one and it was built. It is started again when it ends: what its agent is to do meanwhile the
 * policy says. Undefined: the agent watches /proc and stops nothing.
 */
function startSensor(state: string, screen: Screen, isStopping: () => boolean) {
  if (process.getuid?.() !== 0 || !existsSync(sensorProgram)) return undefined;
  const folder = join(state, "sensor");
  const socket = join(folder, "sensor.sock");
  if (socket.length > longestSocket) {
    screen.line(`sensor   not started: the name of its socket is too long, ${socket}`);
    return undefined;
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const start = (): ChildProcess => {
    const child = spawn(sensorProgram, ["--socket", socket, "--state", folder], {
      stdio: ["ignore", "ignore", "ignore"],
      detached: true,
    });
    child.on("error", (cause) => screen.line(`sensor   ${cause.message}`));
    child.on("exit", (code, signal) => {
      if (isStopping() || code === stoppedInOrder) return;
      screen.line(`sensor   it ended (${signal ?? `exit code ${code}`}); it is started again`);
      setTimeout(() => {
        if (!isStopping()) current = start();
      }, sensorPauseMs);
    });
    return child;
  };
  let current = start();
  return { socket, child: () => current };
}

/** The bundle where it was built, else the sources. */
function launch(part: "server" | "agent", env: Record<string, string>): ChildProcess {
  const bundle = join(top, "dist", part, "main.js");
  const lean = part === "agent" ? agentFlags : [];
  return fork(existsSync(bundle) ? bundle : join(top, part, "main.ts"), [], {
    execArgv: ["--disable-warning=ExperimentalWarning", ...lean],
    env: {
      ...process.env,
      PROVOST_CONSOLE: join(top, "server", "console", "dist"),
      ...(part === "agent" ? agentEnvironment : { MALLOC_ARENA_MAX: "4" }),
      ...env,
    },
    stdio: ["ignore", "ignore", options.json || part === "server" ? "ignore" : "inherit", "ipc"],
    // A Ctrl-C reaches the whole foreground group: the two stop when they are told, in order.
    detached: true,
  });
}

/** Messages of the server, waited for by kind. */
function openInbox(server: ChildProcess) {
  const waiting: { kinds: readonly string[]; resolve: (message: never) => void }[] = [];
  server.on("message", (message: ServerMessage) => {
    const at = waiting.findIndex(({ kinds }) => kinds.includes(message.kind));
    if (at >= 0) waiting.splice(at, 1)[0]?.resolve(message as never);
  });
  return {
    next: <Kind extends ServerMessage["kind"]>(...kinds: readonly Kind[]) =>
      new Promise<Extract<ServerMessage, { kind: Kind }>>((resolve) => {
        waiting.push({ kinds, resolve });
      }),
    ask(question: { readonly ask: "summary" | "sign-in" }): void {
      server.send(question);
    },
  };
}

type Inbox = ReturnType<typeof openInbox>;
type Screen = ReturnType<typeof openScreen>;
type Scanned = Extract<AgentMessage, { kind: "scanned" }>;

function watchAgent(
  agent: ChildProcess,
  screen: Screen,
  giveUp: (what: string, code: string, why: string, remedy?: string) => void,
) {
  let device = "";
  let isDrained = false;
  let onDrained: (() => void) | undefined;
  let resolveScan: (scanned: Scanned) => void = () => undefined;
  const scanned = new Promise<Scanned>((resolve) => {
    resolveScan = resolve;
  });
  agent.on("message", (message: AgentMessage) => {
    if (message.kind === "scan") {
      isDrained = false;
      screen.progress(scanLine(message.frame));
    } else if (message.kind === "scanned") resolveScan(message);
    else if (message.kind === "online") device = message.device;
    else if (message.kind === "drained") {
      isDrained = true;
      onDrained?.();
    } else if (message.kind === "failed") giveUp("agent", message.code, message.why, message.remedy);
    else if (message.final)
      giveUp("agent", "SERVER_NOT_TRUSTED", message.why, "remove the agent's state to enrol anew");
    else screen.line(`agent    ${message.why}; trying again`);
  });
  return {
    scanned,
    device: () => device,
    /** Everything told is stored at the server. */
    async drained(): Promise<void> {
      // The agent says so again after each acknowledgement that leaves nothing to send.
      if (!isDrained) await Promise.race([new Promise<void>((resolve) => (onDrained = resolve)), pause(15_000)]);
    },
  };
}

async function waitForProofs(inbox: Inbox, screen: Screen, patienceMs: number): Promise<Overview> {
  const until = Date.now() + patienceMs;
  for (;;) {
    inbox.ask({ ask: "summary" });
    const { overview } = await inbox.next("summary");
    const { wanted, pending } = overview.proofs;
    if ((pending === 0 && !overview.working) || Date.now() > until) return overview;
    screen.progress(`proofs   ${wanted - pending} of ${wanted} packages checked against their signed archives`);
    await pause(500);
  }
}

function scanLine(frame: ScanFrame): string {
  if (frame.state === "walking")
    return `walking  ${frame.filesSeen.toLocaleString("en")} files seen, ${frame.executables.toLocaleString("en")} executable`;
  const done = frame.toHash === 0 ? 100 : Math.floor((100 * frame.hashed) / frame.toHash);
  return `hashing  ${frame.hashed.toLocaleString("en")} of ${frame.toHash.toLocaleString("en")} (${done} %), ${Math.round(frame.bytesHashed / 1e6).toLocaleString("en")} MB`;
}

/** The agent first, so that its last words still reach the server; whoever does not go is ended. */
async function stopAll(children: readonly ChildProcess[]): Promise<void> {
  for (const child of children.toReversed()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGTERM");
    await Promise.race([gone, pause(6000).then(() => void child.kill("SIGKILL"))]);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

import { pino } from "pino";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { allProofs } from "./api/handlers/overview.ts";
import { newSignInLink } from "./api/login.ts";
import { commands } from "./commands/commands.ts";
import { usage } from "./commands/table.ts";
import { productVersion } from "@provost/shared/protocol/version.ts";
import type { ServerConfig } from "./config.ts";
import { openNotify } from "./notify.ts";
import type { RunningServer, ServerMessage, ServerQuestion } from "./running.ts";
import { serverConfig, serverSettingsFrom } from "./settings.ts";

type Start = (config: ServerConfig, log: (line: string) => void) => Promise<RunningServer>;

/** `provost-server [--setting=value]...` serves; with a verb first it does that and ends. */
export async function runProgram(words: readonly string[], start: Start, consoleFolder: string): Promise<void> {
  const [verb, ...rest] = words;
  if (verb === undefined || verb.startsWith("--")) {
    if (verb === "--help") process.stdout.write(usage());
    else if (verb === "--version") process.stdout.write(`${productVersion}\n`);
    else await serve(words, start, consoleFolder);
    return;
  }
  const command = commands.get(verb);
  try {
    if (command === undefined)
      throw new AppError("CONFIG_INVALID", `there is no verb ${verb}; provost-server --help lists them`);
    process.exitCode = await command(rest, consoleFolder);
  } catch (cause) {
    const { code, why, remedy } = told(cause);
    process.stderr.write(`provost-server: ${code}: ${why}\n${remedy === undefined ? "" : `  ${remedy}\n`}`);
    process.exitCode = code === "CONFIG_INVALID" ? 2 : 1;
  }
}

async function serve(flags: readonly string[], start: Start, consoleFolder: string): Promise<void> {
  const logger = pino({ name: "provost-server" }, pino.destination(2));
  const tell = (message: ServerMessage): void => {
    if (process.connected) process.send?.(message);
  };
  try {
    const config = serverConfig(serverSettingsFrom(flags, process.env), consoleFolder);
    const server = await start(config, (line) => logger.info(line));
    const notify = openNotify(process.env);
    const stop = (): void => {
      notify.stopping();
      void server.close().then(() => process.exit(0));
      setTimeout(() => process.exit(1), 5000).unref();
    };
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
    process.once("disconnect", stop);
    const signIn = newSignInLink(server.parts);
    if (process.send === undefined)
      process.stdout.write(`Provost server at ${server.address}\nSign in (once, within 15 minutes): ${signIn}\n`);
    process.on("message", (question: ServerQuestion) => answer(question, server, tell));
    notify.ready(server.address);
    tell({
      kind: "ready",
      address: server.address,
      agentUrl: `${server.address.replace(/^http/, "ws")}/agent`,
      signIn,
      token: server.edge.newToken(Date.now()).token,
    });
  } catch (cause) {
    const failed: ServerMessage = { kind: "failed", ...told(cause) };
    if (process.connected) tell(failed);
    else process.stderr.write(`provost-server: ${failed.code}: ${failed.why}\n${failed.remedy ?? ""}\n`);
    process.exitCode = 1;
    process.disconnect?.();
  }
}

function answer(question: ServerQuestion, server: RunningServer, tell: (message: ServerMessage) => void): void {
  if (question.ask === "sign-in") return tell({ kind: "sign-in", link: newSignInLink(server.parts) });
  return tell({
    kind: "summary",
    overview: {
      ...server.parts.store.read.overview(server.edge.online, Date.now()),
      proofs: allProofs(server.parts),
      working: server.working(),
    },
  });
}

const told = (cause: unknown): { readonly code: string; readonly why: string; readonly remedy?: string } =>
  cause instanceof AppError
    ? { code: cause.code, why: cause.message, ...(cause.remedy === undefined ? {} : { remedy: cause.remedy }) }
    : { code: "STATE_UNUSABLE", why: cause instanceof Error ? cause.message : String(cause) };

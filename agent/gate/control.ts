import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { join } from "node:path";
import type { ControlAnswer, OwnerQuestion } from "./control-words.ts";
import { mostLineBytes, OpenQuestion, openSocket, OwnerQuestion as OwnerSchema, ownerSocket } from "./control-words.ts";

const mostAtOnce = 32;
const patienceMs = 5000;

export interface Control {
  close(): void;
}

/**
 * Where people at the device ask the daemon: one socket that everybody may use, and one that only root and the daemon's own user may.
 * Who approves is told apart by which of the two was used: Node does not say who is at the other end of a socket.
 */
export function openControl(
  folder: string,
  answer: (question: OwnerQuestion) => Promise<ControlAnswer> | ControlAnswer,
): Control {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    chmodSync(folder, 0o755);
  } catch (cause) {
    // The gate goes on without: nobody can ask, and what is stopped stays stopped.
    process.stderr.write(
      `provost-agent: nobody can ask at ${folder}: ${cause instanceof Error ? cause.message : String(cause)}\n`,
    );
    return { close: () => undefined };
  }
  const servers = [
    listen(join(folder, openSocket), 0o666, (line) => {
      const asked = OpenQuestion.safeParse(line);
      if (asked.success) return answer(asked.data);
      const isOwners = OwnerSchema.safeParse(line).success;
      return isOwners
        ? { ok: false, code: "NOT_ALLOWED", why: "only root, or the user that the agent runs as, may do this" }
        : notUnderstood;
    }),
    listen(join(folder, ownerSocket), 0o600, (line) => {
      const asked = OwnerSchema.safeParse(line);
      return asked.success ? answer(asked.data) : notUnderstood;
    }),
  ];
  return {
    close() {
      for (const server of servers) server.close();
    },
  };
}

const notUnderstood: ControlAnswer = { ok: false, code: "CONFIG_INVALID", why: "the question is not understood" };

function listen(path: string, mode: number, answer: (line: unknown) => Promise<ControlAnswer> | ControlAnswer): Server {
  rmSync(path, { force: true });
  const server = createServer((peer) => serve(peer, answer));
  server.maxConnections = mostAtOnce;
  // Made under a mask that lets nobody in, so that there is no moment between listening and the mode that is meant.
  const before = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(before);
  }
  server.on("listening", () => chmodSync(path, mode));
  server.on("error", (cause) => process.stderr.write(`provost-agent: nobody can ask at ${path}: ${cause.message}\n`));
  server.unref();
  return server;
}

function serve(peer: Socket, answer: (line: unknown) => Promise<ControlAnswer> | ControlAnswer): void {
  let bytes = Buffer.alloc(0);
  const end = (said: ControlAnswer): void => void peer.end(`${JSON.stringify(said)}\n`);
  peer.setTimeout(patienceMs, () => peer.destroy());
  peer.on("error", () => peer.destroy());
  peer.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    const newline = bytes.indexOf(10);
    if (newline < 0 && bytes.length <= mostLineBytes) return;
    peer.removeAllListeners("data");
    if (newline < 0 || newline > mostLineBytes) return end(notUnderstood);
    void reply(bytes.subarray(0, newline).toString("utf8"), answer).then(end);
  });
}

async function reply(
  line: string,
  answer: (line: unknown) => Promise<ControlAnswer> | ControlAnswer,
): Promise<ControlAnswer> {
  try {
    return await answer(JSON.parse(line));
  } catch (cause) {
    if (cause instanceof SyntaxError) return notUnderstood;
    return { ok: false, code: "NOT_FOUND", why: cause instanceof Error ? cause.message : String(cause) };
  }
}

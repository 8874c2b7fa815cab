import type { Terminal } from "./terminal.ts";

/** What every verb is given: where the agent's state lies, how to answer, and the outside as arguments. */
export interface Request {
  readonly folder: string;
  readonly json: boolean;
  readonly terminal: Terminal;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  now(): number;
  readonly stop: AbortSignal;
}

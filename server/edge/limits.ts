export interface EdgeLimits {
  readonly connections: number;
  /** From the connection to `welcome`. */
  readonly greetingMs: number;
  readonly tokenMs: number;
  readonly proofsUnderWay: number;
  /** Unread bytes that a connection may hold here before it gets nothing more. */
  readonly bufferedBytes: number;
  /** A device that answers no ping between two of them is gone: a machine that lost its power says no goodbye. */
  readonly pingMs: number;
  /** How long a peer may take to answer a close. */
  readonly closeMs: number;
}

export const edgeLimits: EdgeLimits = {
  connections: 20_000,
  greetingMs: 10_000,
  tokenMs: 15 * 60_000,
  proofsUnderWay: 50,
  bufferedBytes: 4 * 1024 * 1024,
  pingMs: 30_000,
  closeMs: 2000,
};

/** Bounds on one message, checked before it is opened and while it is unpacked. */
export const limits = {
  greetingBytes: 16_384,
  packedBytes: 2 * 1024 * 1024,
  unpackedBytes: 16 * 1024 * 1024,
  framesPerBatch: 2000,
  filesPerFrame: 500,
  packagesPerFrame: 500,
  processesPerFrame: 20_000,
  decisionsPerFrame: 500,
  alarmsPerFrame: 500,
  eventsPerFrame: 500,
  processesPerEvents: 4000,
  argumentsPerProcess: 4096,
  /** One piece of a triage bundle, as base64. */
  triagePieceCharacters: 512 * 1024,
  triagePieces: 64,
  /** A whole bundle, packed. */
  triageBytes: 16 * 1024 * 1024,
  /** Unacknowledged bytes an agent may have under way. */
  windowBytes: 8 * 1024 * 1024,
} as const;

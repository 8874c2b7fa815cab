/**
 * Where each field of record.h stands, in bytes from the record's start. `size` is header and fixed fields as this program knows them;
 * strings follow. The golden bytes hold this file and the C header together.
 */
export const types = {
  hello: 1,
  status: 2,
  lost: 3,
  tamper: 4,
  ask: 5,
  gate: 6,
  refused: 7,
  exec: 16,
  fork: 17,
  exit: 18,
  connect: 19,
  listen: 20,
  module: 21,
  ptrace: 22,
  memfd: 23,
  bpf: 24,
  mount: 25,
  file: 26,
  credentials: 27,
  config: 64,
  answer: 65,
  digest: 66,
  path: 67,
  forget: 68,
  pulse: 69,
  guard: 70,
  stop: 71,
} as const;

export const headerSize = 8;
export const maxRecord = 65_536;
export const maxPath = 4096;
export const maxNotice = 1024;
export const fileSize = 32;
export const processSize = 72;
export const eventSize = 104;

export const sizes: Readonly<Partial<Record<number, number>>> = {
  [types.hello]: 40,
  [types.status]: 168,
  [types.lost]: 32,
  [types.tamper]: 112,
  [types.ask]: 312,
  [types.gate]: 176,
  [types.refused]: 16,
  [types.exec]: 184,
  [types.fork]: 120,
  [types.exit]: 120,
  [types.connect]: 144,
  [types.listen]: 144,
  [types.module]: 112,
  [types.ptrace]: 120,
  [types.memfd]: 112,
  [types.bpf]: 112,
  [types.mount]: 120,
  [types.file]: 144,
  [types.credentials]: 120,
};

export const flags = {
  pathCut: 1 << 0,
  argumentsCut: 1 << 1,
  unreadable: 1 << 2,
  unlinked: 1 << 3,
  memfd: 1 << 4,
  noLease: 1 << 5,
  writerOpen: 1 << 6,
  overlay: 1 << 7,
  checkOnly: 1 << 8,
  alreadyRan: 1 << 9,
  setId: 1 << 10,
  script: 1 << 11,
} as const;

/** Records of what happens on the device: processes, the network, files. */
import type { SensorEvent } from "@provost/shared/model/event.ts";
import { eventSize, types } from "./layout.ts";
import { type Reading, fileAt, processAt } from "./reading.ts";

export function decodeEvent(type: number, from: Reading): SensorEvent | undefined {
  const time = from.u64(8);
  const sequence = from.u64(16);
  const cpu = from.u32(24);
  const flags = from.u32(28);
  const who = processAt(from, 32);
  const seen = { time, sequence, cpu, flags, who };
  const own = eventSize;
  switch (type) {
    case types.exec:
      return {
        ...seen,
        kind: "exec",
        file: fileAt(from, own),
        script: from.u64(own + 32) === 0 ? undefined : fileAt(from, own + 32),
        argumentCount: from.u32(168),
        path: from.string(172),
        called: from.string(174),
        directory: from.string(176),
        arguments: from.list(178, 0),
        cgroupName: from.string(180),
      };
    case types.fork:
      return { ...seen, kind: "fork", child: from.u32(own), childStarted: from.u64(own + 8) };
    case types.exit:
      return { ...seen, kind: "exit", waitStatus: from.u32(own), ranFor: from.u64(own + 8) };
    case types.connect:
    case types.listen:
      return { ...seen, kind: type === types.connect ? "connect" : "listen", ...socket(from) };
    case types.module:
      return { ...seen, kind: "module", name: from.string(own) };
    case types.ptrace:
    case types.credentials:
      return {
        ...seen,
        kind: type === types.ptrace ? "ptrace" : "credentials",
        target: from.u32(own),
        request: from.u32(own + 4),
        targetStarted: from.u64(own + 8),
      };
    case types.memfd:
      return { ...seen, kind: "memfd", memfdFlags: from.u32(own), name: from.string(own + 4) };
    case types.bpf:
      return { ...seen, kind: "bpf", command: from.u32(own), programType: from.u32(own + 4) };
    case types.mount:
      return {
        ...seen,
        kind: "mount",
        device: from.u32(own),
        change: mountChanges[from.u32(own + 4) - 1] ?? "mount",
        path: from.string(112),
        type: from.string(114),
      };
    case types.file:
      return { ...seen, kind: "file", ...fileChange(from) };
    default:
      return undefined;
  }
}

const mountChanges = ["mount", "umount", "namespace"] as const;

function fileChange(from: Reading) {
  const change = from.u32(136);
  const path = from.string(140);
  const old = from.string(142);
  return {
    file: fileAt(from, eventSize),
    created: (change & 1) !== 0,
    written: (change & 2) !== 0,
    renamed: (change & 4) !== 0,
    deleted: (change & 8) !== 0,
    attributes: (change & 16) !== 0,
    opened: (change & 64) !== 0,
    isFolder: (change & 32) !== 0,
    path,
    from: old === "" ? undefined : old,
  };
}

function socket(from: Reading) {
  const isIp4 = from.u16(eventSize) === 2;
  return {
    family: isIp4 ? ("ip4" as const) : ("ip6" as const),
    protocol: from.u16(106),
    localPort: from.u16(108),
    remotePort: from.u16(110),
    localAddress: address(from.bytes(112, 16), isIp4),
    remoteAddress: address(from.bytes(128, 16), isIp4),
  };
}

/** RFC 5952 without the shortening of zeros: eight groups, or four numbers. */
function address(bytes: Buffer, isIp4: boolean): string {
  if (isIp4) return [...bytes.subarray(0, 4)].join(".");
  const groups = [0, 2, 4, 6, 8, 10, 12, 14].map((at) => bytes.readUInt16BE(at).toString(16));
  return groups.join(":");
}

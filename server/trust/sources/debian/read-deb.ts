import { createHash } from "node:crypto";
import { type ArMember, arHeaderSize, arMagic, arMember } from "@provost/shared/ecosystems/deb/ar.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import { type Compression, type Decompressed, type Decompressor, decompress } from "./decompress.ts";
import { type DebContents, debContents } from "./deb-contents.ts";
import type { DebLimits } from "./limits.ts";
import { readTar, type TarReader, type TarReading } from "./tar.ts";
import { xzUnpackedSize } from "./xz-size.ts";

/** What came by, and what it holds. Whoever asked compares digest and size with the signed index before using `contents`. */
export interface DebReading {
  readonly sha256: Sha256;
  readonly size: number;
  readonly contents:
    | { readonly kind: "read"; readonly contents: DebContents }
    | {
        readonly kind: "refused";
        readonly cause: "damaged" | "unsupported" | "tool" | "deadline";
        readonly why: string;
      };
}

export interface DebReader {
  write(chunk: Buffer): Promise<void>;
  end(): Promise<DebReading>;
}

type Refusal = Extract<DebReading["contents"], { kind: "refused" }>;

interface OpenMember {
  readonly name: string;
  readonly tar: TarReader;
  readonly stream: Decompressor;
}

/**
 * A small control.tar.xz waits for data.tar.xz, and one process unpacks both: starting a process costs the server more than
 * unpacking most packages does. The boundary is the first stream's own index, which xz confirms or fails.
 */
interface HeldControl {
  readonly name: string;
  readonly size: number;
  readonly chunks: Buffer[];
}
const maxHeldControl = 4 << 20;

/** deb(5): debian-binary, control.tar, data.tar in this order, in an ar archive. One pass, nothing is written to disk. */
export function readDeb(limits: DebLimits, signal: AbortSignal): DebReader {
  const whole = createHash("sha256");
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(limits.milliseconds)]);
  const tars: { control?: Promise<TarReading | Refusal>; data?: Promise<TarReading | Refusal> } = {};
  let size = 0;
  let refusal: Refusal | undefined;
  let head = Buffer.alloc(0);
  let wantedHead = arMagic.length;
  let left = 0;
  let padding = 0;
  let format: Buffer[] | undefined;
  let formatSeen = false;
  let open: OpenMember | undefined;
  let held: HeldControl | undefined;
  let holding = false;
  const stopped = (): boolean => refusal !== undefined;

  return {
    async write(chunk) {
      whole.update(chunk);
      size += chunk.length;
      let at = 0;
      while (at < chunk.length && !stopped()) {
        if (left > 0) at += await body(chunk, at);
        else if (padding > 0) {
          at += padding;
          padding = 0;
        } else at += header(chunk, at);
      }
    },
    async end() {
      if (refusal === undefined && (left > 0 || head.length > 0))
        refuse("damaged", "truncated: the ar archive ends inside a member");
      const control = await closed("control");
      const data = await closed("data");
      const digest = whole.digest("hex") as Sha256;
      return { sha256: digest, size, contents: refusal ?? both(control, data) };
    },
  };

  function refuse(cause: Refusal["cause"], why: string): void {
    refusal ??= { kind: "refused", cause, why };
  }

  function header(chunk: Buffer, at: number): number {
    const part = chunk.subarray(at, at + wantedHead - head.length);
    head = Buffer.concat([head, part]);
    if (head.length < wantedHead) return part.length;
    const bytes = head;
    head = Buffer.alloc(0);
    if (wantedHead === arMagic.length) {
      wantedHead = arHeaderSize;
      if (bytes.toString("latin1") !== arMagic) refuse("damaged", "not a Debian package: no ar archive");
      return part.length;
    }
    const member = arMember(bytes);
    if (member === undefined) refuse("damaged", "an unreadable ar member header");
    else begin(member);
    return part.length;
  }

  function begin(member: ArMember): void {
    left = member.size;
    padding = member.size & 1;
    if (member.name === "debian-binary" && !formatSeen && left > 0 && left < 100) {
      formatSeen = true;
      format = [];
    } else if (!formatSeen) refuse("damaged", "not a Debian package: debian-binary is not its first member");
    else if (member.name.startsWith("control.tar")) start("control", member);
    else if (member.name.startsWith("data.tar")) start("data", member);
    // deb(5): members after data.tar, and those beginning with "_", are for others.
    else if (!member.name.startsWith("_") && tars.data === undefined)
      refuse("unsupported", `an unknown member ${member.name}`);
  }

  function start(which: "control" | "data", member: ArMember): void {
    if (tars[which] !== undefined || (which === "control" && held !== undefined))
      return refuse("damaged", `two ${which}.tar`);
    if (which === "data" && tars.control === undefined && held === undefined)
      return refuse("damaged", "control.tar is missing before data.tar");
    const how = compressionOf(member.name);
    if (how === undefined) return refuse("unsupported", `${member.name}: this compression is not supported`);
    if (which === "control" && how === "xz" && member.size > 0 && member.size <= maxHeldControl) {
      held = { name: member.name, size: member.size, chunks: [] };
      holding = true;
      return;
    }
    const tar = readTar(limits, which === "control");
    const stream = (which === "data" && how === "xz" ? together(member, tar) : undefined) ?? alone(member, how, tar);
    open = { name: member.name, tar, stream };
    if (member.size === 0) finish();
  }

  function alone(member: ArMember, how: Compression, tar: TarReader): Decompressor {
    release();
    return decompress(how, member.size, (chunk) => tar.write(chunk), limits, deadline);
  }

  /** One process for the held control.tar and this data.tar, where the boundary between them is known. */
  function together(member: ArMember, data: TarReader): Decompressor | undefined {
    const packed = Buffer.concat(held?.chunks ?? []);
    const boundary = xzUnpackedSize(packed);
    if (held === undefined || boundary === undefined) return undefined;
    const { name } = held;
    held = undefined;
    const control = readTar(limits, true);
    const both = decompress("xz", packed.length + member.size, splitAt(boundary, control, data), limits, deadline);
    void both.write(packed);
    const ending = both.ended.then((outcome) => settle(name, control.end(), outcome));
    tars.control = ending;
    return both;
  }

  /** Unpacks a held control.tar by itself. */
  function release(): void {
    if (held === undefined) return;
    const { name, size, chunks } = held;
    held = undefined;
    const tar = readTar(limits, true);
    const stream = decompress("xz", size, (chunk) => tar.write(chunk), limits, deadline);
    for (const chunk of chunks) void stream.write(chunk);
    tars.control = stream.end().then((outcome) => settle(name, tar.end(), outcome));
  }

  async function body(chunk: Buffer, at: number): Promise<number> {
    const take = Math.min(left, chunk.length - at);
    const bytes = chunk.subarray(at, at + take);
    left -= take;
    format?.push(Buffer.from(bytes));
    if (holding) held?.chunks.push(Buffer.from(bytes));
    if (open !== undefined) await open.stream.write(bytes);
    if (left === 0) finish();
    return take;
  }

  function finish(): void {
    holding = false;
    if (format !== undefined && !/^2\.\d+\n/.test(Buffer.concat(format).toString("latin1")))
      refuse("unsupported", "a Debian package format other than 2.x");
    format = undefined;
    if (open === undefined) return;
    const { name, tar, stream } = open;
    const which = name.startsWith("control") ? "control" : "data";
    // The next member is read while this one is still being unpacked.
    tars[which] = stream.end().then((outcome) => settle(name, tar.end(), outcome));
    open = undefined;
  }

  /** Every decompressor that was started is ended and awaited, whatever was refused meanwhile. */
  async function closed(which: "control" | "data"): Promise<TarReading | Refusal | undefined> {
    if (open?.name.startsWith(which) === true || open?.name.startsWith("data") === true) finish();
    release();
    return tars[which];
  }

  function both(
    control: TarReading | Refusal | undefined,
    data: TarReading | Refusal | undefined,
  ): DebReading["contents"] {
    if (control === undefined) return { kind: "refused", cause: "damaged", why: "control.tar is missing" };
    if (data === undefined) return { kind: "refused", cause: "damaged", why: "data.tar is missing" };
    if (control.kind === "refused") return asRefusal("control.tar", control);
    if (data.kind === "refused") return asRefusal("data.tar", data);
    return debContents(control.entries, data.entries);
  }
}

function splitAt(boundary: number, first: TarReader, second: TarReader): (chunk: Buffer) => boolean {
  let left = boundary;
  return (chunk) => {
    const take = Math.min(left, chunk.length);
    left -= take;
    if (take > 0 && !first.write(chunk.subarray(0, take))) return false;
    return take === chunk.length || second.write(chunk.subarray(take));
  };
}

function compressionOf(name: string): Compression | undefined {
  const suffix = /^(?:control|data)\.tar(?:\.(xz|gz|zst))?$/.exec(name);
  if (suffix === null) return undefined;
  return (suffix[1] ?? "none") as Compression;
}

/** A reader that stopped the flow knows best why; else a damaged stream explains a truncated archive. */
function settle(name: string, reading: TarReading, outcome: Decompressed): TarReading | Refusal {
  if (outcome.kind === "done" || outcome.cause === "stopped") return reading;
  const cause = outcome.cause === "bomb" ? "damaged" : outcome.cause;
  return { kind: "refused", cause, why: `${name} ${outcome.why}` };
}

function asRefusal(name: string, refused: Refusal | Extract<TarReading, { kind: "refused" }>): Refusal {
  if ("cause" in refused) return refused;
  return { kind: "refused", cause: refused.unsupported ? "unsupported" : "damaged", why: `${name}: ${refused.why}` };
}

/** The sensor's bytes as they come: where each record begins and ends. */
import type { SensorEvent, SensorRecord } from "@provost/shared/model/event.ts";
import type { Read, Word } from "../hand-on.ts";
import type { EventBatch, ProcessReader } from "../sensor.ts";
import { decodeRecord } from "./decode.ts";
import { headerSize, maxRecord, sizes, types } from "./layout.ts";
import { BadRecord, shown } from "./reading.ts";

/**
 * Puts the records of a byte stream together. Holds at most one unfinished record, in one piece of memory that is used again: what it
 * gives is only good until its next reading.
 */
export class RecordReader {
  #held = Buffer.allocUnsafeSlow(2 * maxRecord);
  #used = 0;

  /** Every whole record so far, in order. Throws BadRecord; nothing after that can be trusted. */
  read(chunk: Buffer): Read {
    this.#take(chunk);
    const bytes = this.#held.subarray(0, this.#used);
    const words: Word[] = [];
    const events: number[] = [];
    let at = 0;
    while (bytes.length - at >= headerSize) {
      const size = sizeAt(bytes, at);
      if (bytes.length - at < size) break;
      const type = bytes[at + 4] ?? 0;
      if (type >= types.exec && type <= types.credentials) events.push(at);
      else {
        const word = decodeRecord(bytes, at, size);
        if (word !== undefined) words.push(word as Word);
      }
      at += size;
    }
    this.#rest = at;
    return { words, events: events.length === 0 ? undefined : new EventRecords(bytes, events) };
  }

  /** Whether the stream ended inside a record. */
  get isHalf(): boolean {
    return this.#used > this.#rest;
  }

  /** Where the unfinished record begins: moved to the front before the next reading, when what was given is not used any more. */
  #rest = 0;

  #take(chunk: Buffer): void {
    const left = this.#used - this.#rest;
    if (left + chunk.length > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(left + chunk.length);
      this.#held.copy(larger, 0, this.#rest, this.#used);
      this.#held = larger;
    } else this.#held.copyWithin(0, this.#rest, this.#used);
    chunk.copy(this.#held, left);
    this.#used = left + chunk.length;
    this.#rest = 0;
  }
}

/**
 * Events as they came, decoded when somebody reads them: without V8's compilers a whole decoding costs 7 us, and most readers want a
 * few fields of a few kinds. Only good until the call that was given it returns.
 */
class EventRecords implements EventBatch {
  readonly #bytes: Buffer;
  readonly #starts: readonly number[];

  constructor(bytes: Buffer, starts: readonly number[]) {
    this.#bytes = bytes;
    this.#starts = starts;
  }

  get length(): number {
    return this.#starts.length;
  }

  *[Symbol.iterator](): Generator<SensorEvent> {
    for (const start of this.#starts) {
      const event = decodeRecord(this.#bytes, start, this.#bytes.readUInt32LE(start));
      if (event !== undefined) yield event as SensorEvent;
    }
  }

  processes(reader: ProcessReader): void {
    const bytes = this.#bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (const start of this.#starts) {
      const type = view.getUint16(start + 4, true);
      if (type > types.exit) continue;
      const size = view.getUint32(start, true);
      if (view.getUint16(start + 6, true) < (sizes[type] ?? 0)) tellProcess(reader, decodeRecord(bytes, start, size));
      else if (type === types.exec) readExec(reader, bytes, view, start, start + size);
      else if (type === types.fork)
        reader.fork(view.getUint32(start + 104, true), wide(view, start + 112), view.getUint32(start + 32, true));
      else reader.exit(view.getUint32(start + 32, true), wide(view, start + 40));
    }
  }
}

const wide = (view: DataView, place: number): number =>
  view.getUint32(place, true) + view.getUint32(place + 4, true) * 0x1_0000_0000;

function readExec(reader: ProcessReader, bytes: Buffer, view: DataView, start: number, end: number): void {
  const path = start + 184;
  const pathEnd = path + view.getUint16(start + 172, true);
  const argumentsStart = pathEnd + view.getUint16(start + 174, true) + view.getUint16(start + 176, true);
  const argumentsEnd = argumentsStart + view.getUint16(start + 178, true);
  if (argumentsEnd > end) throw new BadRecord("a string reaches beyond its record");
  const words = argumentsEnd - (bytes[argumentsEnd - 1] === 0 ? 1 : 0);
  reader.exec(
    view.getUint32(start + 32, true),
    wide(view, start + 40),
    view.getUint32(start + 36, true),
    shown(bytes.subarray(path, pathEnd)),
    bytes.toString("latin1", argumentsStart, Math.min(words, argumentsStart + keptArguments)),
    wide(view, start + 104),
  );
}

/** Of each process's arguments; more is in the event itself. */
const keptArguments = 1024;

function tellProcess(reader: ProcessReader, event: SensorRecord | undefined): void {
  if (event?.kind === "exec") {
    const { pid, started, parent } = event.who;
    reader.exec(pid, started, parent, event.path, event.arguments.join("\0").slice(0, keptArguments), event.file.inode);
  } else if (event?.kind === "fork") reader.fork(event.child, event.childStarted, event.who.pid);
  else if (event?.kind === "exit") reader.exit(event.who.pid, event.who.started);
}

function sizeAt(bytes: Buffer, at: number): number {
  const size = bytes.readUInt32LE(at);
  if (size < headerSize || size > maxRecord)
    throw new BadRecord(`a record of ${size} bytes; ${headerSize} to ${maxRecord} are possible`);
  return size;
}

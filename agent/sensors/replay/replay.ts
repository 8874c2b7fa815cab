import { createReadStream } from "node:fs";
import type { Read } from "../hand-on.ts";
import { handOn } from "../hand-on.ts";
import type { Sensor, SensorListener } from "../sensor.ts";

export interface Reader {
  read(chunk: Buffer): Read;
  isHalf(): boolean;
}

/**
 * A recorded log as a sensor: the bytes that one wrote to its socket, told again as fast as they are read. It answers nobody, so
 * everything said to it is dropped; `gone` tells that the log has ended, and where it could not be read, why.
 */
export function openReplay(file: string, listener: SensorListener, openReader: () => Reader): Sensor {
  const reader = openReader();
  const stream = createReadStream(file, { highWaterMark: 64 * 1024 });
  let why = "the log has ended";
  stream.on("data", (chunk) => {
    try {
      handOn(reader.read(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk)), listener, () => undefined);
    } catch (cause) {
      why = `the log ${file} cannot be read: ${text(cause)}`;
      stream.destroy();
    }
  });
  stream.on("error", (cause) => {
    why = `the log ${file} cannot be read: ${text(cause)}`;
  });
  stream.on("close", () => listener.gone(reader.isHalf() ? `${why}, inside a record` : why));
  const nothing = (): void => undefined;
  return {
    configure: nothing,
    answer: nothing,
    digest: nothing,
    path: nothing,
    forget: nothing,
    guard: nothing,
    stop: nothing,
    close: () => stream.destroy(),
  };
}

const text = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

import { connect } from "node:net";
import type { Socket } from "node:net";
import { pathBytes } from "@provost/shared/lib/path-text.ts";
import type { Read } from "../hand-on.ts";
import { handOn } from "../hand-on.ts";
import type { Sensor, SensorListener } from "../sensor.ts";
import { RecordReader } from "./record-reader.ts";
import {
  answerRecord,
  configRecord,
  digestRecord,
  forgetRecord,
  guardRecord,
  pathRecord,
  pulseRecord,
  stopRecord,
} from "./encode.ts";

const pulseEveryMs = 1000;
const readBytes = 65_536;
const firstPauseMs = 200;
const longestPauseMs = 5000;
/** What waits for a sensor that does not read. A whole device's answers fit; beyond it the connection is given up. */
const mostUnread = 8 * 1024 * 1024;

/** The sensor at a Unix socket: connects, comes back after a loss, and keeps telling that the agent lives. */
export function openLinuxSensor(path: string, listener: SensorListener): Sensor {
  let socket: Socket | undefined;
  let isOpen = false;
  let isClosed = false;
  let attempt = 0;
  let again: NodeJS.Timeout | undefined;
  const readBuffer = Buffer.allocUnsafeSlow(readBytes);

  const send = (bytes: Buffer | undefined): void => {
    if (bytes === undefined || socket === undefined || !isOpen) return;
    socket.write(bytes);
    if (socket.writableLength > mostUnread) socket.destroy(new Error("the sensor does not read what it is told"));
  };

  const dial = (): void => {
    const reader = new RecordReader();
    let why = "the sensor closed the connection";
    // One piece of memory for everything that is read: new ones would wait for a collection that seldom comes.
    const onread = {
      buffer: readBuffer,
      callback(bytes: number): boolean {
        if (isClosed || socket !== own) return false;
        let read: Read;
        try {
          read = reader.read(readBuffer.subarray(0, bytes));
        } catch (cause) {
          why = `what the sensor sent cannot be read: ${text(cause)}`;
          own.destroy();
          return false;
        }
        take(read);
        return true;
      },
    };
    const own: Socket = connect({ path, onread });
    socket = own;
    own.on("error", (cause) => {
      why = text(cause);
    });
    own.on("close", () => {
      if (socket !== own) return;
      const was = isOpen;
      isOpen = false;
      socket = undefined;
      if (!isClosed && (was || attempt === 0)) listener.gone(reader.isHalf ? `${why}, inside a record` : why);
      attempt += 1;
      if (!isClosed) again = setTimeout(dial, Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(attempt, 10)));
    });
  };

  const take = (read: Read): void => {
    const refused = handOn(read, listener, (settings) => {
      isOpen = true;
      attempt = 0;
      send(configRecord(settings));
    });
    if (refused !== undefined) socket?.destroy(new Error(`the sensor refused this agent: ${refused}`));
  };

  const pulse = setInterval(() => send(pulseRecord(process.hrtime.bigint())), pulseEveryMs);
  dial();

  return {
    configure: (settings) => send(configRecord(settings)),
    answer: (id, answer) => send(answerRecord(id, answer)),
    digest: (digest, answer) => send(digestRecord(digest, answer)),
    path: (kind, path) => send(pathRecord(kind, pathBytes(path) ?? Buffer.from(path))),
    forget: (digest) => send(forgetRecord(digest)),
    guard: (what) =>
      send(
        "pid" in what
          ? guardRecord(what.pid, new Uint8Array())
          : guardRecord(0, pathBytes(what.path) ?? Buffer.from(what.path)),
      ),
    stop: (leaveOpen) => send(stopRecord(leaveOpen)),
    close() {
      isClosed = true;
      clearInterval(pulse);
      clearTimeout(again);
      // What was said last is still written; nothing more is heard.
      socket?.end().unref();
    },
  };
}

const text = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

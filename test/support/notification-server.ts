import { createConnection } from "node:net";
import type { Socket } from "node:net";

/** What a program asked a desktop to show. */
export interface Shown {
  readonly application: string;
  readonly title: string;
  readonly body: string;
}

export interface NotificationServer {
  readonly shown: readonly Shown[];
  close(): void;
}

/**
 * A desktop's notification server on a session bus, as far as notify-send needs one: it tells what it is, and takes notifications. Speaks
 * little-endian D-Bus alone (D-Bus Specification 0.43, "Message Protocol").
 */
export async function serveNotifications(bus: string): Promise<NotificationServer> {
  const shown: Shown[] = [];
  const socket = createConnection(bus);
  const next = reader(socket);
  const user = Buffer.from(String(process.getuid?.() ?? 0)).toString("hex");
  socket.write(`\0AUTH EXTERNAL ${user}\r\n`);
  const greeted = await next((bytes) => {
    const end = bytes.indexOf("\r\n");
    return end === -1 ? undefined : end + 2;
  });
  if (!greeted.toString().startsWith("OK ")) throw new Error(`the bus refuses: ${greeted.toString()}`);
  socket.write("BEGIN\r\n");
  let serial = 0;
  const call = (member: string, signature: string, body: Buffer): void => {
    const name = "org.freedesktop.DBus";
    const fields = [field(1, "o", "/org/freedesktop/DBus"), field(2, "s", name), field(3, "s", member)];
    const more = signature === "" ? [] : [field(8, "g", signature)];
    socket.write(message(1, ++serial, [...fields, field(6, "s", name), ...more], body));
  };
  call("Hello", "", Buffer.alloc(0));
  call("RequestName", "su", Buffer.concat([aligned(string("org.freedesktop.Notifications"), 4), number(0)]));
  const named = new Promise<void>((resolve, reject) => {
    void (async () => {
      for (;;) {
        const { type, from, sender, member, body, reply } = parse(await next(messageBytes));
        // The second call was answered: the name is ours.
        if (type === 2 && reply === 2) resolve();
        if (type !== 1) continue;
        const answer = answerTo(member, body, shown);
        const fields = [replyTo(from), field(6, "s", sender), field(8, "g", answer.signature)];
        socket.write(message(2, ++serial, fields, answer.body));
      }
    })().catch(reject);
  });
  await named;
  return { shown, close: () => socket.destroy() };
}

function answerTo(member: string, body: Buffer, shown: Shown[]): { signature: string; body: Buffer } {
  if (member === "GetServerInformation") {
    const words = ["a test", "Provost", "1", "1.2"].map((word) => aligned(string(word), 4));
    return { signature: "ssss", body: Buffer.concat(words) };
  }
  if (member === "Notify") {
    const at = { place: 0 };
    const application = takeString(body, at);
    at.place += 4; // what it replaces
    takeString(body, at); // icon
    shown.push({ application, title: takeString(body, at), body: takeString(body, at) });
    return { signature: "u", body: number(1) };
  }
  return { signature: "as", body: number(0) };
}

/** Waits for as many bytes as `length` says, once it can. */
function reader(socket: Socket): (length: (bytes: Buffer) => number | undefined) => Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  let wake: () => void = () => undefined;
  let ended: Error | undefined;
  socket.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    wake();
  });
  for (const event of ["error", "close"] as const)
    socket.on(event, () => {
      ended = new Error("the bus is gone");
      wake();
    });
  return async (length) => {
    for (;;) {
      const wanted = length(bytes);
      if (wanted !== undefined && bytes.length >= wanted) {
        const taken = bytes.subarray(0, wanted);
        bytes = bytes.subarray(wanted);
        return taken;
      }
      if (ended !== undefined) throw ended;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
}

const up = (place: number, to: number): number => Math.ceil(place / to) * to;
const aligned = (bytes: Buffer, to: number): Buffer =>
  Buffer.concat([bytes, Buffer.alloc(up(bytes.length, to) - bytes.length)]);
const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const string = (text: string): Buffer =>
  Buffer.concat([number(Buffer.byteLength(text)), Buffer.from(text), Buffer.from([0])]);

/** One entry of a head. */
function field(code: number, type: "o" | "s" | "g", value: string): Buffer {
  const content =
    type === "g" ? Buffer.concat([Buffer.from([value.length]), Buffer.from(`${value}\0`)]) : string(value);
  return Buffer.concat([Buffer.from([code, 1, type.charCodeAt(0), 0]), content]);
}
const replyTo = (serial: number): Buffer => Buffer.concat([Buffer.from([5, 1, "u".charCodeAt(0), 0]), number(serial)]);

function message(type: number, serial: number, fields: readonly Buffer[], body: Buffer): Buffer {
  // A struct each, which begins at a multiple of eight; the head's length does not count what is filled up behind the last.
  const head = fields.reduce((before, next) => Buffer.concat([aligned(before, 8), next]), Buffer.alloc(0));
  const start = [
    Buffer.from(["l".charCodeAt(0), type, 0, 1]),
    number(body.length),
    number(serial),
    number(head.length),
  ];
  return Buffer.concat([aligned(Buffer.concat([...start, head]), 8), body]);
}

const messageBytes = (bytes: Buffer): number | undefined =>
  bytes.length < 16 ? undefined : up(16 + bytes.readUInt32LE(12), 8) + bytes.readUInt32LE(4);

function parse(bytes: Buffer) {
  const end = 16 + bytes.readUInt32LE(12);
  const found = { type: bytes.readUInt8(1), from: bytes.readUInt32LE(8), sender: "", member: "", reply: 0 };
  for (let at = 16; at < end;) {
    at = up(at, 8);
    const [code, , type] = [bytes.readUInt8(at), 0, String.fromCharCode(bytes.readUInt8(at + 2))];
    const place = { place: at + 4 };
    if (type === "g") place.place += bytes.readUInt8(at + 4) + 2;
    else if (type === "u") {
      if (code === 5) found.reply = bytes.readUInt32LE(at + 4);
      place.place += 4;
    } else {
      const text = takeString(bytes, place);
      if (code === 3) found.member = text;
      if (code === 7) found.sender = text;
    }
    at = place.place;
  }
  return { ...found, body: bytes.subarray(up(end, 8)) };
}

function takeString(bytes: Buffer, at: { place: number }): string {
  const start = up(at.place, 4) + 4;
  const end = start + bytes.readUInt32LE(start - 4);
  at.place = end + 1;
  return bytes.subarray(start, end).toString();
}

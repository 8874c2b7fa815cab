import { createServer, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { linger, readBody, UploadEnded } from "./read-body.ts";

let server: Server;
let outcome: Promise<string>;
let settle: (text: string) => void;
const limits = { wireBytes: 1000, stallMs: 150, totalMs: 600 };
const sockets: Socket[] = [];

beforeEach(async () => {
  outcome = new Promise((resolve) => (settle = resolve));
  server = createServer((request, response) => {
    void (async () => {
      let length = 0;
      try {
        for await (const chunk of readBody(request, limits, () => undefined)) length += chunk.length;
        settle(`${length} bytes`);
        response.end("whole");
      } catch (cause) {
        settle(cause instanceof UploadEnded ? `${cause.status}: ${cause.message}` : String(cause));
        response.end("ended");
        linger(request, 100);
      }
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.closeAllConnections();
  server.close();
});

function send(head: string, body: string): Socket {
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  sockets.push(socket);
  socket.on("error", () => undefined);
  socket.write(`POST / HTTP/1.1\r\nhost: x\r\n${head}\r\n\r\n${body}`);
  return socket;
}

test("a whole body is read as it came", async () => {
  send("content-length: 5", "hello");
  expect(await outcome).toBe("5 bytes");
});

test("a sender that stops in the middle is given up", async () => {
  send("content-length: 900", "hello");
  expect(await outcome).toMatch(/^408: nothing came/);
});

test("a sender that trickles for ever is given up all the same", async () => {
  const socket = send("transfer-encoding: chunked", "1\r\nx\r\n");
  const drip = setInterval(() => socket.write("1\r\nx\r\n"), 40);
  expect(await outcome).toMatch(/^408: an upload takes at most/);
  clearInterval(drip);
});

test("a sender that goes away in the middle has sent no whole body", async () => {
  const socket = send("content-length: 900", "hello");
  setTimeout(() => socket.destroy(), 30);
  expect(await outcome).toBe("400: the upload was cut short");
});

test.each([
  ["a length beyond the bound", "content-length: 1001", ""],
  ["more bytes than the bound", "transfer-encoding: chunked", `${(1001).toString(16)}\r\n${"x".repeat(1001)}\r\n`],
])("%s is refused", async (_name, head, body) => {
  send(head, body);
  expect(await outcome).toMatch(/^413: an upload has at most 1000 bytes/);
});

test("a packing that nobody knows, and one that is damaged, are refused", async () => {
  send("content-length: 1\r\ncontent-encoding: br", "x");
  expect(await outcome).toMatch(/^415/);
  outcome = new Promise((resolve) => (settle = resolve));
  send("content-length: 5\r\ncontent-encoding: gzip", "hello");
  expect(await outcome).toMatch(/^400: the body cannot be unpacked/);
});

test("after an early answer nobody may send for ever", async () => {
  const socket = send("transfer-encoding: chunked", `${(1001).toString(16)}\r\n${"x".repeat(1001)}\r\n`);
  await outcome;
  const drip = setInterval(() => socket.write("1\r\nx\r\n"), 20);
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  clearInterval(drip);
  expect(socket.destroyed).toBe(true);
});

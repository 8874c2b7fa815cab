import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface Loopback {
  readonly address: string;
  readonly host: string;
  /** Every request in order: method is always GET, so its address alone, with the authorization it carried. */
  readonly asked: { readonly url: string; readonly headers: IncomingMessage["headers"] }[];
  /** What is answered under an address (with its query); 404 without. A function is asked each time. */
  readonly routes: Map<string, Reply | ((request: IncomingMessage) => Reply)>;
  close(): Promise<void>;
}

/** A server on loopback that answers what a test lays down, with ETags as registries give them. */
export async function openLoopback(): Promise<Loopback> {
  const asked: Loopback["asked"] = [];
  const routes: Loopback["routes"] = new Map();
  const server = createServer((request, response) => {
    asked.push({ url: request.url ?? "", headers: request.headers });
    const found = routes.get(request.url ?? "");
    send(request, response, typeof found === "function" ? found(request) : (found ?? { status: 404, body: "{}" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    address: `http://${host}`,
    host,
    asked,
    routes,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status = 200, headers = {}, body = "" }: Reply,
): void {
  const etag = headers["etag"];
  if (etag !== undefined && request.headers["if-none-match"] === etag) response.writeHead(304, { etag }).end();
  else response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
}

export const json = (value: unknown, headers: Readonly<Record<string, string>> = {}): Reply => ({
  body: JSON.stringify(value),
  headers,
});

import { connect as connectPlain } from "node:net";
import type { LookupFunction, Socket } from "node:net";
import type { ClientOptions } from "ws";

type Connector = NonNullable<ClientOptions["createConnection"]>;
type Done = (cause: Error | null, socket?: Socket) => void;

/** What http.request's and ws's `createConnection` want: a connection through the proxy by CONNECT (RFC 9110 9.3.6). */
export function throughProxy(proxy: URL, lookup?: LookupFunction): Connector {
  const connector = (
    options: { readonly host?: string; readonly port?: number | string; readonly servername?: string },
    done: Done,
  ): undefined => {
    const secure = options.servername !== undefined || "rejectUnauthorized" in options;
    const target = `${bracketed(options.host ?? "")}:${options.port ?? (secure ? 443 : 80)}`;
    // Imported, it would bring Node's fetch and WebSocket along: 10 MB that a device without a proxy need not hold, nor one with.
    const asked = process.getBuiltinModule("node:http").request({
      host: proxy.hostname.replaceAll(/^\[|\]$/g, ""),
      port: proxy.port === "" ? 3128 : proxy.port,
      method: "CONNECT",
      path: target,
      agent: false,
      timeout: 10_000,
      ...(lookup === undefined ? {} : { lookup }),
      headers: { host: target, ...credentials(proxy) },
    });
    asked.on("connect", ({ statusCode }, socket) => {
      if (statusCode !== 200) {
        socket.destroy();
        return done(
          new Error(
            `the proxy ${proxy.host} answered ${statusCode ?? "nothing"} to a connection to ${target}${statusCode === 407 ? ": it asks for a user and a password" : ""}`,
          ),
        );
      }
      return done(
        null,
        secure ? process.getBuiltinModule("node:tls").connect({ ...options, socket } as never) : socket,
      );
    });
    asked.on("timeout", () => asked.destroy(new Error("it did not answer in 10 s")));
    asked.on("error", (cause) => done(new Error(`the proxy ${proxy.host} cannot be used: ${cause.message}`)));
    asked.end();
    return undefined;
  };
  // Node takes the connection from `done` where nothing is returned; its types do not know of that.
  return connector as unknown as Connector;
}

const bracketed = (host: string): string => (host.includes(":") && !host.startsWith("[") ? `[${host}]` : host);

const credentials = ({ username, password }: URL): Record<string, string> =>
  username === ""
    ? {}
    : {
        "proxy-authorization": `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString("base64")}`,
      };

/** A plain connection, to see whether anybody listens. */
export const openPlain = (host: string, port: number, timeoutMs: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connectPlain({ host, port, timeout: timeoutMs });
    socket.once("connect", () => resolve(socket));
    socket.once("timeout", () => socket.destroy(new Error(`no answer in ${timeoutMs / 1000} s`)));
    socket.once("error", reject);
  });

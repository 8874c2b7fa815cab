import { newSignInLink } from "../../server/api/login.ts";
import { openWorld, type World } from "./server-world.ts";

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly json: unknown;
  readonly bytes: Buffer;
}

export type Body = RequestInit["body"];

export interface LibraryWorld {
  readonly world: World;
  /** As the signed-in owner, unless the headers say otherwise. */
  owner(method: string, path: string, body?: unknown): Promise<Answered>;
  /** With a token, or with none. */
  machine(secret: string | undefined, method: string, path: string, body?: Body, type?: string): Promise<Answered>;
  /** The secret of a new token. */
  token(scopes: readonly string[], more?: Record<string, unknown>): Promise<string>;
  close(): Promise<void>;
}

export async function openLibraryWorld(options: Parameters<typeof openWorld>[0] = {}): Promise<LibraryWorld> {
  const world = await openWorld(options);
  const link = await fetch(newSignInLink(world.parts), { redirect: "manual" });
  const cookie = String(link.headers.get("set-cookie")).split(";")[0] ?? "";
  const session = (await (await fetch(`${world.address}/api/v1/session`, { headers: { cookie } })).json()) as {
    csrf: string;
  };
  const send = async (path: string, init: RequestInit): Promise<Answered> => {
    const answer = await fetch(world.address + path, { ...init, duplex: "half" });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const isJson = answer.headers.get("content-type")?.includes("json") === true;
    return {
      status: answer.status,
      headers: answer.headers,
      bytes,
      json: isJson ? JSON.parse(bytes.toString()) : undefined,
    };
  };
  const owner: LibraryWorld["owner"] = (method, path, body) =>
    send(path, {
      method,
      headers: {
        cookie,
        "x-csrf": session.csrf,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  return {
    world,
    owner,
    machine: (secret, method, path, body, type = "application/json") =>
      send(path, {
        method,
        headers: { "content-type": type, ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }) },
        ...(body === undefined ? {} : { body }),
      }),
    async token(scopes, more = {}) {
      const made = await owner("POST", "/api/v1/tokens", { name: "ci", scopes, ...more });
      if (made.status !== 200) throw new Error(made.bytes.toString());
      return (made.json as { secret: string }).secret;
    },
    close: () => world.close(),
  };
}

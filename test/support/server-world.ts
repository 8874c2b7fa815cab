import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EdgeLimits } from "../../server/edge/limits.ts";
import { checkConfig } from "../../server/config.ts";
import { startServer } from "../../server/main.ts";
import type { RunningServer } from "../../server/running.ts";

export interface World extends RunningServer {
  readonly folder: string;
  readonly consoleFolder: string;
  readonly said: string[];
  token(): string;
}

/** The real server on a free port of loopback, with a folder of its own and no archives. */
export async function openWorld(
  options: {
    readonly folder?: string;
    readonly consoleFolder?: string;
    readonly edge?: Partial<EdgeLimits>;
    readonly allowPrivateArchives?: boolean;
    readonly library?: string;
    /** The registries that the library's settings name are asked; without it, nobody is. */
    readonly registries?: boolean;
    readonly tls?: { readonly tls?: "own"; readonly tlsCertificate?: string; readonly tlsKey?: string };
    readonly names?: readonly string[];
  } = {},
): Promise<World> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "provost-server-"));
  const consoleFolder = options.consoleFolder ?? join(folder, "console");
  const said: string[] = [];
  const config = checkConfig(
    {
      folder,
      port: 0,
      localArchives: [],
      registries: options.registries ?? false,
      trustRoots: false,
      ...(options.library === undefined ? {} : { library: options.library }),
      allowPrivateArchives: options.allowPrivateArchives ?? false,
      ...options.tls,
      ...(options.names === undefined ? {} : { names: options.names }),
    },
    { consoleFolder },
  );
  const server = await startServer(config, (line) => said.push(line), options.edge);
  return {
    ...server,
    folder,
    consoleFolder,
    said,
    token: () => server.edge.newToken(Date.now()).token,
    async close() {
      await server.close();
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until `look` gives something, at most `ms`. */
export async function until<T>(look: () => T | undefined | false, what: string, ms = 5000): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

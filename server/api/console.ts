import { readFileSync, statSync } from "node:fs";
import { extname, join, resolve, sep } from "node:path";
import type { FastifyReply } from "fastify";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".json": "application/json",
  ".woff2": "font/woff2",
};

/** A built file, or the one page for every address that the console's own router knows. */
export function answerConsole(url: string, reply: FastifyReply, consoleFolder: string): FastifyReply {
  const folder = resolve(consoleFolder);
  const path = decodePath(url);
  const isAsset = path?.startsWith("/assets/") === true;
  const file = fileFor(path, folder) ?? (isAsset ? undefined : join(folder, "index.html"));
  // The page under a script's address would only be refused for its type.
  if (file === undefined) return reply.code(404).type("text/plain").send("There is no such file.\n");
  try {
    const body = readFileSync(file);
    return reply
      .type(types[extname(file)] ?? "application/octet-stream")
      .header("cache-control", isAsset ? "public, max-age=31536000, immutable" : "no-cache")
      .send(body);
  } catch {
    return reply.code(503).type("text/plain").send("The console is not built. Run `npm run build`.\n");
  }
}

function fileFor(path: string | undefined, folder: string): string | undefined {
  if (path === undefined || extname(path) === "") return undefined;
  const file = resolve(join(folder, path));
  if (!file.startsWith(folder + sep)) return undefined;
  try {
    return statSync(file).isFile() ? file : undefined;
  } catch {
    return undefined;
  }
}

function decodePath(url: string): string | undefined {
  try {
    return decodeURIComponent(new URL(url, "http://localhost").pathname);
  } catch {
    return undefined;
  }
}

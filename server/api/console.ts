import { readFileSync, statSync } from "node:fs";
import { extname, join, normalize, sep } from "node:path";
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
export function answerConsole(url: string, reply: FastifyReply, folder: string): FastifyReply {
  const file = fileFor(url, folder) ?? join(folder, "index.html");
  try {
    const body = readFileSync(file);
    const named = /\/assets\//.test(file);
    return reply
      .type(types[extname(file)] ?? "application/octet-stream")
      .header("cache-control", named ? "public, max-age=31536000, immutable" : "no-cache")
      .send(body);
  } catch {
    return reply.code(503).type("text/plain").send("The console is not built. Run `npm run build`.\n");
  }
}

function fileFor(url: string, folder: string): string | undefined {
  const path = decodePath(url);
  if (path === undefined || extname(path) === "") return undefined;
  const file = normalize(join(folder, path));
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

import { createReadStream, statSync } from "node:fs";
import type { FastifyInstance } from "fastify";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { installScript } from "../install/script.ts";
import type { InstallScene } from "../install/script.ts";
import type { Parts } from "./parts.ts";

/** What a device that is added fetches, without a session: a script without secrets, and packages that anybody may have. */
export function installRoutes(app: FastifyInstance, parts: Parts): void {
  app.get("/install/agent.sh", async (_request, reply) =>
    reply
      .type("text/x-shellscript; charset=utf-8")
      .header("cache-control", "no-store")
      .send(installScript(await sceneOf(parts))),
  );
  app.get<{ Params: { file: string } }>("/install/:file", async (request, reply) => {
    const place = parts.packages.place(request.params.file);
    const size = place === undefined ? undefined : sizeOf(place);
    if (place === undefined || size === undefined)
      throw new AppError("NOT_FOUND", "this server offers no package of that name");
    return reply.type("application/octet-stream").header("content-length", size).send(createReadStream(place));
  });
}

export async function sceneOf(parts: Parts): Promise<InstallScene> {
  const pin = parts.publicKeyPin();
  return { address: parts.address(), packages: await parts.packages.offered(), ...(pin === undefined ? {} : { pin }) };
}

function sizeOf(place: string): number | undefined {
  try {
    const { size } = statSync(place);
    return size;
  } catch {
    return undefined;
  }
}

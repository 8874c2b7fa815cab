import { createServer as createPlainServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import { createServer } from "node:https";
import Fastify from "fastify";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { api } from "@provost/shared/protocol/api.ts";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { RateExceeded } from "../machines/machines.ts";
import type { StoredSession } from "../store/store.ts";
import type { Parts } from "./parts.ts";
import { answerAuditExport } from "./audit-export.ts";
import { answerConsole } from "./console.ts";
import { handlers } from "./handlers/index.ts";
import type { Handler } from "./handlers/handler.ts";
import { answerEvidence } from "./evidence.ts";
import { answerLive } from "./answer-live.ts";
import { cookieName, readSession, signIn } from "./login.ts";
import { installRoutes } from "./install-routes.ts";
import { libraryRoutes } from "./library-routes.ts";
import { openApiDocument } from "./openapi.ts";
import { problem } from "./problem.ts";
import { linger } from "./read-body.ts";
import { answerTriage } from "./triage.ts";
import { tokenRoutes } from "./token-routes.ts";
import { trustRoutes } from "./trust-routes.ts";

interface Served {
  readonly cert: string;
  readonly key: string;
}

/** HTTP for people: the API's table, sign-in, live events, evidence bytes and the console's files. */
export function openHttp(parts: Parts, tls?: Served): FastifyInstance {
  const app = Fastify({
    serverFactory: (handler) => openListener(tls, handler),
    bodyLimit: 1024 * 1024,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 500 },
    // An address that cannot be decoded never reaches a hook or a route.
    frameworkErrors: (error, _request, reply) => {
      secure(reply);
      void problem(reply, 400, "CONFIG_INVALID", error.message.slice(0, 400));
    },
  });

  app.addHook("onRequest", async (request, reply) => {
    secure(reply);
    if (!knownHost(request, parts.hosts))
      return problem(reply, 421, "CONFIG_INVALID", "this server does not answer under that host name");
    return undefined;
  });
  // An answer that came before the whole request: the rest is not waited for.
  app.addHook("onResponse", async (request) => linger(request.raw));
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof RateExceeded) reply.header("retry-after", String(error.retryAfterSeconds));
    if (error instanceof AppError && error.code === "TOKEN_REFUSED") reply.header("www-authenticate", "Bearer");
    if (error instanceof AppError) return problem(reply, statusOf[error.code] ?? 500, error.code, error.message);
    const given = typeof error === "object" && error !== null && "statusCode" in error ? Number(error.statusCode) : 500;
    const status = given >= 400 && given < 600 ? given : 500;
    if (status >= 500) parts.log(`request failed: ${error instanceof Error ? error.message : String(error)}`);
    return problem(
      reply,
      status,
      status >= 500 ? "STATE_UNUSABLE" : "CONFIG_INVALID",
      status >= 500
        ? "the server could not answer; its log says why"
        : error instanceof Error
          ? error.message
          : "bad request",
    );
  });

  for (const name of Object.keys(api) as (keyof typeof api)[]) route(app, name, parts);
  app.get("/api/v1/openapi.json", async (_request, reply) => reply.type("application/json").send(openApiDocument()));
  const onRequest = async (request: FastifyRequest): Promise<void> => void guard(request, parts);
  app.get("/api/v1/live", { exposeHeadRoute: false, onRequest }, async (request, reply) =>
    answerLive(request, reply, parts),
  );
  app.get<{ Params: { sha256: string } }>("/api/v1/evidence/:sha256", { onRequest }, async (request, reply) =>
    answerEvidence(request.params.sha256, reply, parts.store),
  );
  app.get<{ Params: { id: string } }>(
    "/api/v1/triage/:id",
    { exposeHeadRoute: false, onRequest },
    async (request, reply) => answerTriage(guard(request, parts), request.params.id, reply, parts),
  );
  app.get<{ Querystring: { token?: unknown } }>("/sign-in", async (request, reply) =>
    signIn(request.query.token, request, reply, parts),
  );
  app.get("/api/v1/audit/export", { exposeHeadRoute: false, onRequest }, async (request, reply) =>
    answerAuditExport(guard(request, parts), request.query, reply, parts),
  );
  installRoutes(app, parts);
  tokenRoutes(app, parts);
  trustRoutes(app, parts);
  void app.register(async (scope) => libraryRoutes(scope, parts));
  app.setNotFoundHandler(async (request, reply) =>
    request.url.startsWith("/api/") || !["GET", "HEAD"].includes(request.method)
      ? problem(reply, 404, "NOT_FOUND", "there is no such address")
      : answerConsole(request.url, reply, parts.consoleFolder),
  );
  return app;
}

/** TLS 1.2 and later, as agents and browsers of today speak. */
const openListener = (tls: Served | undefined, handler: RequestListener): Server =>
  tls === undefined ? createPlainServer(handler) : createServer({ ...tls, minVersion: "TLSv1.2" }, handler);

function route<Name extends keyof typeof api>(app: FastifyInstance, name: Name, parts: Parts): void {
  const { method, path, query } = api[name];
  const handler = handlers[name] as Handler<Name>;
  app.route({
    method,
    url: path,
    // Before the body is read: a stranger's bytes are not looked at.
    onRequest: async (request) => void guard(request, parts),
    handler: async (request, reply) => {
      const session = guard(request, parts);
      if (method === "POST" && request.headers["x-csrf"] !== session.csrf)
        return problem(reply, 403, "SESSION_REFUSED", "the x-csrf header is missing or wrong");
      const parsed = query.safeParse(method === "GET" ? request.query : (request.body ?? {}));
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        return problem(
          reply,
          400,
          "CONFIG_INVALID",
          `${issue?.path.join(".") ?? "query"}: ${issue?.message ?? "not understood"}`,
        );
      }
      const { id = "" } = request.params as { id?: string };
      const answer = await handler({ query: parsed.data as never, id, session, secret: sessionSecret(request), parts });
      if (answer === undefined) return problem(reply, 404, "NOT_FOUND", `there is no such ${name}`);
      if (name === "signOut")
        reply.header("set-cookie", `${cookieName}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`);
      return reply.header("cache-control", "no-store").send(answer);
    },
  });
}

function guard(request: FastifyRequest, parts: Parts): StoredSession {
  const session = readSession(request, parts);
  if (session === undefined)
    throw new AppError(
      "SESSION_REFUSED",
      "sign in first: open the link that `npm start` or the server's start printed",
    );
  return session;
}

const sessionSecret = (request: FastifyRequest): string =>
  /(?:^|; )provost_session=([A-Za-z0-9_-]+)/.exec(request.headers.cookie ?? "")?.[1] ?? "";

const statusOf: Partial<Record<AppError["code"], number>> = {
  SESSION_REFUSED: 401,
  TOKEN_REFUSED: 401,
  NOT_ALLOWED: 403,
  DOCUMENT_REFUSED: 422,
  NOT_FOUND: 404,
  CONFIG_INVALID: 400,
  LIMIT: 429,
};

/** A page on another site may resolve its own name to this machine (DNS rebinding): only names the owner gave are answered. */
function knownHost(request: FastifyRequest, hosts: ReadonlySet<string>): boolean {
  const host = (request.headers.host ?? "").replace(/:\d+$/, "").toLowerCase();
  return hosts.has(host);
}

function secure(reply: FastifyReply): void {
  reply.headers({
    // Without TLS browsers ignore it, as RFC 6797 says.
    "strict-transport-security": "max-age=31536000",
    "content-security-policy":
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
  });
}

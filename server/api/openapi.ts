import { toJSONSchema } from "zod";
import type { ZodType } from "zod";
import { LiveEvent, Problem, api } from "@provost/shared/protocol/api.ts";
import { libraryPaths } from "./openapi-library.ts";
import { productVersion } from "@provost/shared/protocol/version.ts";

/** OpenAPI 3.1, written from the same table that the routes come from. */
export function openApiDocument(): unknown {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, { method, path, doc, query, answer }] of Object.entries(api)) {
    const place = path.replace(/:([a-z]+)/g, "{$1}");
    paths[place] = { ...paths[place], [method.toLowerCase()]: operation(name, method, path, doc, query, answer) };
  }
  for (const [place, extra] of Object.entries(notJson)) paths[place] = { get: extra };
  Object.assign(paths, libraryPaths(schema, problemAnswer));
  return {
    openapi: "3.1.0",
    info: { title: "Provost", version: productVersion, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    components: {
      securitySchemes: {
        session: { type: "apiKey", in: "cookie", name: "provost_session" },
        token: { type: "http", scheme: "bearer", description: "A machine's token, or an identity token of a CI" },
      },
      schemas: { Problem: schema(Problem), LiveEvent: schema(LiveEvent) },
    },
    security: [{ session: [] }],
    paths,
  };
}

/** The addresses whose answers are not JSON of a schema. */
const problemAnswer = {
  description: "RFC 9457 problem details",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};
const notJson: Record<string, unknown> = {
  "/api/v1/live": {
    operationId: "live",
    summary: "Changes as server-sent events, each a LiveEvent",
    parameters: [],
    responses: {
      200: {
        description: "A stream that ends with the session",
        content: { "text/event-stream": { schema: { $ref: "#/components/schemas/LiveEvent" } } },
      },
      default: problemAnswer,
    },
  },
  "/api/v1/audit/export": {
    operationId: "exportAudit",
    summary: "The audit as lines of JSON below a signed head, for provost audit verify",
    parameters: ["from", "to"].map((name) => ({
      name,
      in: "query",
      required: false,
      description: "Milliseconds since 1970",
      schema: { type: "integer", minimum: 0 },
    })),
    responses: {
      200: {
        description: "The head, then one entry a line",
        content: { "application/x-ndjson": { schema: { type: "string" } } },
      },
      default: problemAnswer,
    },
  },
  "/api/v1/triage/{id}": {
    operationId: "triage",
    summary: "The bundle that a device collected for this order, packed with gzip",
    parameters: [{ name: "id", in: "path", required: true, schema: { type: "string", maxLength: 60 } }],
    responses: {
      200: {
        description: "The bytes as the device sent them",
        content: { "application/gzip": { schema: { type: "string", format: "binary" } } },
      },
      default: problemAnswer,
    },
  },
  "/api/v1/evidence/{sha256}": {
    operationId: "evidence",
    summary: "The exact bytes of one evidence document, never rendered",
    parameters: [{ name: "sha256", in: "path", required: true, schema: { type: "string", pattern: "^[0-9a-f]{64}$" } }],
    responses: {
      200: {
        description: "The bytes",
        content: {
          "text/plain": { schema: { type: "string" } },
          "application/octet-stream": { schema: { type: "string", format: "binary" } },
        },
      },
      default: problemAnswer,
    },
  },
  "/api/v1/openapi.json": {
    operationId: "openapi",
    summary: "This document",
    security: [],
    parameters: [],
    responses: { 200: { description: "OpenAPI 3.1", content: { "application/json": { schema: { type: "object" } } } } },
  },
  "/sign-in": {
    operationId: "signIn",
    summary: "Uses up a sign-in link and sets the session's cookie",
    security: [],
    parameters: [{ name: "token", in: "query", required: true, schema: { type: "string" } }],
    responses: { 303: { description: "To the console's first page" } },
  },
};

function operation(name: string, method: string, path: string, doc: string, query: ZodType, answer: ZodType): unknown {
  const input = schema(query) as { properties?: Record<string, unknown>; required?: string[] };
  const inPath = [...path.matchAll(/:([a-z]+)/g)].map(([, field = ""]) => ({
    name: field,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const inQuery = Object.entries(input.properties ?? {}).map(([field, shape]) => ({
    name: field,
    in: "query",
    required: input.required?.includes(field) === true,
    schema: shape,
  }));
  return {
    operationId: name,
    summary: doc,
    parameters: method === "GET" ? [...inPath, ...inQuery] : inPath,
    responses: {
      200: { description: doc, content: { "application/json": { schema: schema(answer) } } },
      default: problemAnswer,
    },
  };
}

const schema = (shape: ZodType): unknown => toJSONSchema(shape, { io: "input", unrepresentable: "any" });

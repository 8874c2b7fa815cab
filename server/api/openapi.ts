import { toJSONSchema } from "zod";
import type { ZodType } from "zod";
import { Problem, api } from "@provost/shared/protocol/api.ts";
import { productVersion } from "@provost/shared/protocol/version.ts";

/** OpenAPI 3.1, written from the same table that the routes come from. */
export function openApiDocument(): unknown {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, { method, path, doc, query, answer }] of Object.entries(api)) {
    const place = path.replace(/:([a-z]+)/g, "{$1}");
    paths[place] = { ...paths[place], [method.toLowerCase()]: operation(name, method, path, doc, query, answer) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Provost", version: productVersion, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    components: {
      securitySchemes: { session: { type: "apiKey", in: "cookie", name: "provost_session" } },
      schemas: { Problem: schema(Problem) },
    },
    security: [{ session: [] }],
    paths,
  };
}

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
      default: {
        description: "RFC 9457 problem details",
        content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    },
  };
}

const schema = (shape: ZodType): unknown => toJSONSchema(shape, { io: "input", unrepresentable: "any" });

import type { ZodType } from "zod";
import { libraryApi } from "@provost/shared/protocol/library-api.ts";
import { trustApi } from "@provost/shared/protocol/trust-api.ts";

type Write = (shape: ZodType) => unknown;

/** The library's and the trust store's part of the OpenAPI document: the same table that its routes are validated by. */
export function libraryPaths(
  schema: Write,
  problem: unknown,
): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, described] of Object.entries({ ...libraryApi, ...trustApi })) {
    const place = described.path.replace(/:([a-z0-9]+)/g, "{$1}");
    paths[place] = { ...paths[place], [described.method.toLowerCase()]: operation(name, described, schema, problem) };
  }
  return paths;
}

interface Described {
  readonly path: string;
  readonly doc: string;
  readonly scope: string;
  readonly query: ZodType;
  readonly body?: ZodType | "stream";
  readonly answer: ZodType | "stream";
}

function operation(
  name: string,
  { path, doc, scope, query, body, answer }: Described,
  schema: Write,
  problem: unknown,
) {
  return {
    operationId: name,
    summary: doc,
    security: scope === "owner" ? [{ session: [] }] : [{ token: [scope] }, { session: [] }],
    parameters: [...inPath(path), ...inQuery(schema(query))],
    ...(body === undefined ? {} : { requestBody: { required: true, content: content(body, schema) } }),
    responses: { 200: { description: doc, content: content(answer, schema) }, default: problem },
  };
}

const inPath = (path: string): readonly unknown[] =>
  [...path.matchAll(/:([a-z0-9]+)/g)].map(([, field = ""]) => ({
    name: field,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));

function inQuery(query: unknown): readonly unknown[] {
  const { properties = {}, required = [] } = query as { properties?: Record<string, unknown>; required?: string[] };
  return Object.entries(properties).map(([field, shape]) => ({
    name: field,
    in: "query",
    required: required.includes(field),
    schema: shape,
  }));
}

const content = (shape: ZodType | "stream", schema: Write): unknown =>
  shape === "stream"
    ? { "application/octet-stream": { schema: { type: "string", format: "binary" } } }
    : { "application/json": { schema: schema(shape) } };

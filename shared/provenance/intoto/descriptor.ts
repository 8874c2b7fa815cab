import * as z from "zod";
import { unreadable } from "../refusal.ts";

/** in-toto ResourceDescriptor v1: how predicates name what they speak of. One of uri, digest and content is there. */
export interface ResourceDescriptor {
  readonly name?: string;
  readonly uri?: string;
  readonly digest: Readonly<Record<string, string>>;
  readonly mediaType?: string;
}

export function readDescriptor(document: unknown): ResourceDescriptor {
  const parsed = Document.safeParse(document);
  if (!parsed.success) throw unreadable("the resource descriptor is malformed");
  const { name, uri, digest, mediaType } = parsed.data;
  return {
    digest: digest ?? {},
    ...(name === undefined ? {} : { name }),
    ...(uri === undefined ? {} : { uri }),
    ...(mediaType === undefined ? {} : { mediaType }),
  };
}

const text = z.string().max(16384);
const Document = z
  .object({
    name: text.optional(),
    uri: text.optional(),
    digest: z.record(z.string().max(64), z.string().max(1024)).optional(),
    content: z
      .string()
      .max(1024 * 1024)
      .optional(),
    downloadLocation: text.optional(),
    mediaType: text.optional(),
    annotations: z.record(z.string(), z.unknown()).optional(),
  })
  .refine(({ uri, digest, content }) => uri !== undefined || digest !== undefined || content !== undefined);

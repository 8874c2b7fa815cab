import { readFileSync } from "node:fs";
import * as z from "zod";
import { sha256 } from "@provost/shared/model/ids.ts";
import type { Subject } from "@provost/shared/provenance/subject.ts";
import { subjectOf } from "./vectors.ts";

/** The file a document is about, for sets that publish documents without their artefacts. */
export function firstSubject(path: string): Subject {
  const text = readFileSync(path, "utf8");
  const payload = /"(?:payload|statement)":\s*"([A-Za-z0-9+/=]+)"/.exec(text)?.[1];
  const none = subjectOf(new Uint8Array());
  if (payload === undefined) return none;
  const parsed = Statement.safeParse(parsedJson(Buffer.from(payload, "base64").toString("utf8")));
  if (!parsed.success) return none;
  const [subject] = parsed.data.subject;
  const named = /^pkg:npm\/(.+)@([^@]+)$/.exec(subject?.name ?? "");
  const digest = subject?.digest ?? {};
  return {
    sha256: sha256(digest["sha256"] ?? "") ?? none.sha256,
    ...(digest["sha512"] === undefined ? {} : { sha512: digest["sha512"] }),
    ...(named?.[1] === undefined || named[2] === undefined
      ? {}
      : { package: { ecosystem: "npm" as const, name: decodeURIComponent(named[1]), version: named[2] } }),
  };
}

const Statement = z.object({
  subject: z.array(z.object({ name: z.string().optional(), digest: z.record(z.string(), z.string()) })),
});

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

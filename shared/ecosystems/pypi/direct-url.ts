import { boundedJson, member, textMember } from "../../lib/bounded-json.ts";

/** PEP 610: where a distribution was installed from, when it was no index. */
export interface DirectUrl {
  readonly url?: string;
  /** W3C SRI form. */
  readonly integrity?: string;
}

export function readDirectUrl(bytes: Uint8Array): DirectUrl {
  const json = boundedJson(bytes, MAX_DEPTH);
  if (json.kind === "refused") return {};
  const url = textMember(json.value, "url")?.slice(0, MAX_TEXT);
  const archive = member(json.value, "archive_info");
  const hash = textMember(member(archive, "hashes"), "sha256") ?? textMember(archive, "hash")?.replace(/^sha256=/, "");
  const valid = hash !== undefined && /^[0-9a-f]{64}$/.test(hash);
  return {
    // PEP 610: credentials are to be stripped by who writes it; not everybody does.
    ...(url !== undefined && { url: url.replace(/^([a-z+]+:\/\/)[^/]*@/i, "$1") }),
    ...(valid && { integrity: `sha256-${btoa(binaryOf(hash))}` }),
  };
}

const MAX_DEPTH = 16;
const MAX_TEXT = 2048;
const binaryOf = (hex: string): string => hex.replace(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16)));

import { canonicalJson } from "../lib/canonical-json.ts";

/**
 * The first line of what a server exports of its audit: what the entries after it are, signed by the server's key, so that a file which
 * lost its end, or was made by somebody else, is told from a whole one.
 */
export interface AuditHead {
  readonly audit: "provost-server";
  readonly form: 1;
  readonly at: number;
  readonly by: string;
  readonly entries: number;
  /** The sequence of the first entry; 0 where there is none. */
  readonly first: number;
  /** The hash that the first entry follows. */
  readonly before: string;
  /** The hash of the last entry; `before` where there is none. */
  readonly last: string;
  /** The server's public key: base64 of DER. */
  readonly key: string;
}

/** What is signed. */
export const auditHeadText = (head: AuditHead): string => `provost audit v1\n${canonicalJson(head)}`;

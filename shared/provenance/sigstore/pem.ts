import { base64Bytes } from "../../lib/strict-base64.ts";
import { unreadable } from "../refusal.ts";

/** Rekor v1 keeps the signer as PEM, a certificate or a key: the DER inside the first block. After it stand its issuers, or nothing. */
export function pemOrDer(bytes: Buffer): Buffer {
  const text = bytes.toString("latin1");
  const block = /\s*-----BEGIN (CERTIFICATE|PUBLIC KEY)-----\r?\n([A-Za-z0-9+/=\r\n]+?)-----END \1-----(?:\r?\n)*/y;
  const bodies: string[] = [];
  for (let at = 0; at < text.length; at = block.lastIndex) {
    const body = block.exec(text)?.[2];
    if (body === undefined || bodies.length === maxBlocks)
      throw unreadable("the log entry names its signer in no form we read");
    bodies.push(body);
  }
  const der = base64Bytes(bodies[0]?.replace(/[\r\n]/g, "") ?? "");
  if (der === undefined || der.length === 0) throw unreadable("the signer's PEM is malformed base64");
  return der;
}

const maxBlocks = 10;

import { base64Bytes } from "../../lib/strict-base64.ts";
import { unreadable } from "../refusal.ts";

/** Rekor v1 keeps the signer as PEM, a certificate or a key: the DER inside the first block. */
export function pemOrDer(bytes: Buffer): Buffer {
  const text = bytes.toString("latin1");
  const body =
    /^\s*-----BEGIN (?:CERTIFICATE|PUBLIC KEY)-----\r?\n([A-Za-z0-9+/=\r\n]+?)-----END (?:CERTIFICATE|PUBLIC KEY)-----/.exec(
      text,
    )?.[1];
  if (body === undefined) throw unreadable("the log entry names its signer in no form we read");
  const der = base64Bytes(body.replace(/[\r\n]/g, ""));
  if (der === undefined) throw unreadable("the signer's PEM is malformed base64");
  return der;
}

import { unreadable } from "../refusal.ts";

/** Rekor v1 keeps the signer as PEM, a certificate or a key: the DER inside the first block. */
export function pemOrDer(bytes: Buffer): Buffer {
  const text = bytes.toString("latin1");
  const body =
    /^\s*-----BEGIN (?:CERTIFICATE|PUBLIC KEY)-----\r?\n([A-Za-z0-9+/=\r\n]+?)-----END (?:CERTIFICATE|PUBLIC KEY)-----/.exec(
      text,
    )?.[1];
  if (body === undefined) throw unreadable("the log entry names its signer in no form we read");
  return Buffer.from(body.replace(/[\r\n]/g, ""), "base64");
}

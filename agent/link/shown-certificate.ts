import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** SHA-256 of the certificate that a TLS connection was shown, in hex; an empty text, which equals none, where it shows none. */
export function shownCertificate(wire: Socket): string | undefined {
  if (!("getPeerCertificate" in wire)) return undefined;
  const { raw } = (wire as TLSSocket).getPeerCertificate();
  return raw === undefined ? "" : createHash("sha256").update(raw).digest("hex");
}

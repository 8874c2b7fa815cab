import { pemBytes } from "../keys/public-key.ts";
import { unreadable } from "../refusal.ts";

/** The certificates of one PEM text, in its order, with nothing between the blocks. */
export function pemCertificates(pem: string): readonly Buffer[] {
  const end = "-----END CERTIFICATE-----";
  const parts = pem.trim().split(end);
  if (parts.pop()?.trim() !== "" || parts.length === 0) throw unreadable("the certificate is no PEM");
  if (parts.length > maxChain) throw unreadable(`the chain has more than ${maxChain} certificates`);
  return parts.map((part) => pemBytes(`${part}${end}`, "CERTIFICATE"));
}

export const maxChain = 10;

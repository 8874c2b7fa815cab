import { unreadable } from "../refusal.ts";

/** Control characters, NUL and stray bytes have no place in a name that people and rules compare. */
export function plainText(bytes: Buffer, encoding: "utf8" | "latin1" | "utf16be" = "utf8"): string {
  const text = encoding === "utf16be" ? utf16(bytes) : bytes.toString(encoding);
  if (
    bytes.length === 0 ||
    bytes.length > 2048 ||
    /[\u0000-\u001f\u007f-\u009f\ufffd\u200b-\u200f\u2028-\u202e\u2066-\u2069]/u.test(text)
  )
    throw unreadable("its certificate names something that is no plain text");
  return text;
}

function utf16(bytes: Buffer): string {
  if (bytes.length % 2 !== 0) throw unreadable("its certificate names something that is no plain text");
  return Buffer.from(bytes).swap16().toString("utf16le");
}

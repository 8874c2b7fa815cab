/** How a text looks once something has encoded it. */

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

/**
 * What of the text stays the same wherever it begins inside a longer encoded one: three forms, without the first and the last
 * characters that its neighbours share.
 */
export function encodeBase64Offsets(bytes: Uint8Array): readonly string[] {
  return [0, 1, 2].map((shift) => {
    const encoded = encodeBase64(Buffer.concat([Buffer.alloc(shift), bytes]));
    const left = (shift + bytes.length) % 3;
    const start = [0, 2, 3][shift] ?? 0;
    const cut = [0, 3, 2][left] ?? 0;
    return encoded.slice(start, encoded.length - cut);
  });
}

export function encodeUtf16(text: string, order: "little" | "big"): Uint8Array {
  const bytes = Buffer.from(text, "utf16le");
  return order === "little" ? bytes : bytes.swap16();
}

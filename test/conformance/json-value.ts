/** What a document says, if it is JSON: two spellings of one value say the same. */
export function jsonValue(document: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(document).toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}

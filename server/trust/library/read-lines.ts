/** A line of a stream, or the fact that one was longer than it may be: its bytes are passed over, not kept. */
export type StreamLine =
  | { readonly kind: "line"; readonly bytes: Buffer }
  | { readonly kind: "too-long"; readonly atLeast: number };

/** Lines by LF or CRLF, without empty ones. Holds at most one line of `maxBytes`. */
export async function* streamLines(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<StreamLine> {
  let pieces: Buffer[] = [];
  let length = 0;
  const take = (piece: Buffer): void => {
    length += piece.length;
    if (length <= maxBytes) pieces.push(piece);
    else pieces = [];
  };
  const ended = (): StreamLine | undefined => {
    const tooLong = length > maxBytes;
    const atLeast = length;
    const line = withoutReturn(pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces));
    pieces = [];
    length = 0;
    if (tooLong) return { kind: "too-long", atLeast };
    return line.length === 0 ? undefined : { kind: "line", bytes: line };
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, start)) {
      take(chunk.subarray(start, at));
      start = at + 1;
      const line = ended();
      if (line !== undefined) yield line;
    }
    take(chunk.subarray(start));
  }
  const last = ended();
  if (last !== undefined) yield last;
}

const lineFeed = 0x0a;
const withoutReturn = (line: Buffer): Buffer => (line.at(-1) === 0x0d ? line.subarray(0, -1) : line);

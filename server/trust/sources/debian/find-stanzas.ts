import { type Compression, decompress } from "./decompress.ts";
import { indexLimits } from "./limits.ts";

export type StanzasFound =
  | { readonly kind: "found"; readonly stanzas: ReadonlyMap<string, readonly string[]> }
  | { readonly kind: "refused"; readonly cause: "damaged" | "tool" | "deadline"; readonly why: string };

const milliseconds = 10 * 60_000;
const maxStanzasPerName = 1000;

/** One pass over a Packages file for many names at once; only the stanzas asked for are kept. */
export async function findStanzas(
  bytes: Buffer,
  how: Compression,
  names: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<StanzasFound> {
  const stanzas = new Map<string, string[]>();
  const scanner = scan((name, stanza) => {
    if (!names.has(name)) return;
    const known = stanzas.get(name) ?? [];
    if (known.length < maxStanzasPerName) known.push(stanza.toString("utf8"));
    stanzas.set(name, known);
  });
  const limits = {
    unpackedBytes: indexLimits.unpackedIndexBytes,
    ratio: 200,
    ratioFrom: 64 * 2 ** 20,
    decompressorMiB: 128,
  };
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(milliseconds)]);
  const stream = decompress(how, bytes.length, (chunk) => scanner.write(chunk), limits, deadline);
  await stream.write(bytes);
  const outcome = await stream.end();
  if (outcome.kind === "refused" && outcome.cause !== "stopped")
    return { kind: "refused", cause: outcome.cause === "bomb" ? "damaged" : outcome.cause, why: outcome.why };
  if (!scanner.end())
    return { kind: "refused", cause: "damaged", why: `a stanza longer than ${indexLimits.stanzaBytes} bytes` };
  return { kind: "found", stanzas };
}

interface Scanner {
  write(chunk: Buffer): boolean;
  /** False when a stanza was too long. */
  end(): boolean;
}

const blankLine = Buffer.from("\n\n");

function scan(each: (name: string, stanza: Buffer) => void): Scanner {
  let rest = Buffer.alloc(0);
  let tooLong = false;
  return {
    write(chunk) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = 0;
      for (let end = bytes.indexOf(blankLine); end >= 0; end = bytes.indexOf(blankLine, at)) {
        visit(bytes.subarray(at, end + 1), each);
        at = end + 2;
      }
      rest = Buffer.from(bytes.subarray(at));
      tooLong ||= rest.length > indexLimits.stanzaBytes;
      return !tooLong;
    },
    end() {
      if (!tooLong) visit(rest, each);
      return !tooLong;
    },
  };
}

const first = Buffer.from("Package: ");
const later = Buffer.from("\nPackage: ");

function visit(stanza: Buffer, each: (name: string, stanza: Buffer) => void): void {
  let start = stanza.subarray(0, first.length).equals(first) ? first.length : -1;
  if (start < 0) {
    const at = stanza.indexOf(later);
    if (at < 0) return;
    start = at + later.length;
  }
  const end = stanza.indexOf(0x0a, start);
  each(stanza.toString("latin1", start, end < 0 ? stanza.length : end).trim(), stanza);
}

import { createHash, type Hash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import type { Integrity } from "@provost/shared/ecosystems/npm/integrity.ts";
import { plainRelative, readPackageJson } from "@provost/shared/ecosystems/npm/package-json.ts";
import { tarReader, type TakeBytes, type TarMember, type TarReader } from "@provost/shared/lib/tar.ts";

export interface MemberDigest {
  readonly sha256: string;
  /** For a script whose interpreter line ends as on Windows: its digest with that line end made Unix, and where it stood. */
  readonly rewritten?: { readonly sha256: string; readonly lineEnd: number };
}

export interface TarballContents {
  readonly kind: "contents";
  /** Of the tarball itself. */
  readonly sha256: string;
  readonly files: ReadonlyMap<string, MemberDigest>;
  /** Whether a package.json of the tarball names the file as a command. */
  isCommand(inside: string): boolean;
}

/**
 * The digests of the `wanted` members of a package's tarball, in one pass that also hashes the tarball: what comes out is
 * believed only when the whole has the digest asked for.
 */
export async function readTarball(
  chunks: Iterable<Uint8Array>,
  digest: Integrity,
  wanted: ReadonlySet<string>,
): Promise<TarballContents | { readonly kind: "refused"; readonly why: string }> {
  const whole = createHash(digest.algorithm);
  const sha256 = createHash("sha256");
  const sinks = new Map<string, Sink>();
  const tar = tarReader(MAX_MEMBERS, (member) => takerOf(member, wanted, sinks));
  const damage = await unpack(hashed(chunks, [whole, sha256]), tar);
  if (damage === undefined && whole.digest("hex") !== digest.hex)
    return { kind: "refused", why: "the cached tarball does not have the digest it is filed under" };
  const why = damage ?? tar.end();
  if (why !== undefined) return { kind: "refused", why: `the cached tarball is damaged: ${why}` };
  const files = new Map(
    [...sinks].flatMap(([path, sink]) => (wanted.has(path) ? [[path, digestOf(sink)] as const] : [])),
  );
  return { kind: "contents", sha256: sha256.digest("hex"), files, isCommand: (inside) => isCommand(sinks, inside) };
}

interface Sink {
  readonly hash: Hash;
  /** Kept whole only for package.json and scripts, and only below MAX_KEPT. */
  kept: Buffer[] | undefined;
}

const MAX_MEMBERS = 200_000;
const MAX_UNPACKED = 2 * 1024 * 1024 * 1024;
const MAX_KEPT = 4 * 1024 * 1024;

/** Copied: the reader of the disk uses its buffer again while zlib still reads it. */
function* hashed(chunks: Iterable<Uint8Array>, wholes: readonly Hash[]): Generator<Buffer> {
  for (const chunk of chunks) {
    for (const whole of wholes) whole.update(chunk);
    yield Buffer.from(chunk);
  }
}

async function unpack(chunks: Iterable<Buffer>, tar: TarReader): Promise<string | undefined> {
  let unpacked = 0;
  try {
    await pipeline(chunks, createGunzip(), async (source: AsyncIterable<Buffer>) => {
      for await (const piece of source) {
        unpacked += piece.length;
        if (unpacked > MAX_UNPACKED) throw new RangeError(`it unpacks to more than ${MAX_UNPACKED} bytes`);
        tar.push(piece);
      }
    });
    return undefined;
  } catch (error) {
    return error instanceof RangeError ? error.message : "it is no gzip";
  }
}

/** As pacote unpacks: the first folder is dropped whatever its name, only files count, the last of one name stays. */
function takerOf(member: TarMember, wanted: ReadonlySet<string>, sinks: Map<string, Sink>): TakeBytes | undefined {
  const slash = member.path.indexOf("/");
  const inside = slash === -1 ? undefined : plainRelative(member.path.slice(slash + 1));
  if (member.kind !== "file" || inside === undefined) return undefined;
  const manifest = inside === "package.json" || inside.endsWith("/package.json");
  if (!wanted.has(inside) && !(manifest && sinks.size < MAX_MANIFESTS)) return undefined;
  const sink: Sink = { hash: createHash("sha256"), kept: member.size <= MAX_KEPT ? [] : undefined };
  sinks.set(inside, sink);
  return (piece) => take(sink, piece, manifest);
}

const MAX_MANIFESTS = 2000;

function take(sink: Sink, piece: Uint8Array, manifest: boolean): void {
  sink.hash.update(piece);
  const first = sink.kept?.[0] ?? piece;
  const script = first[0] === 0x23 && (first.length === 1 || first[1] === 0x21);
  if (script || manifest) sink.kept?.push(Buffer.from(piece));
  else sink.kept = undefined;
}

function digestOf(sink: Sink): MemberDigest {
  const sha256 = sink.hash.digest("hex");
  const body = Buffer.concat(sink.kept ?? []);
  const newline = body.indexOf(0x0a);
  // bin-links fix-bin.js: /^#![^\n]+\r\n/ within the first 2048 bytes.
  const windows =
    body.subarray(0, 2).toString() === "#!" && newline > 3 && newline < 2048 && body[newline - 1] === 0x0d;
  if (!windows) return { sha256 };
  const unix = createHash("sha256")
    .update(body.subarray(0, newline - 1))
    .update(body.subarray(newline));
  return { sha256, rewritten: { sha256: unix.digest("hex"), lineEnd: newline } };
}

/** A bundled package's commands are those of its own package.json. */
function isCommand(sinks: ReadonlyMap<string, Sink>, inside: string): boolean {
  const base = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+\//.exec(inside)?.[0] ?? "";
  const manifest = sinks.get(`${base}package.json`)?.kept;
  const json = manifest === undefined ? undefined : readPackageJson(Buffer.concat(manifest));
  if (json?.kind !== "package") return false;
  const name = inside.slice(base.length);
  return [...json.bins].some((bin) => bin === name || (bin.endsWith("/") && name.startsWith(bin)));
}

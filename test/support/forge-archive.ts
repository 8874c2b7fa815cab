import { execFileSync } from "node:child_process";
import { hash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import type { AptSource } from "@provost/shared/model/inventory.ts";
import { createCleartextMessage, createMessage, generateKey, type PrivateKey, reformatKey, sign } from "openpgp";
import { pack } from "tar-stream";

export interface ForgedKey {
  readonly privateKey: PrivateKey;
  readonly base64: string;
  readonly fingerprint: string;
}

export async function forgeKey(
  name: string,
  options: { readonly date?: Date; readonly secondsValid?: number } = {},
): Promise<ForgedKey> {
  const { privateKey, publicKey } = await generateKey({
    type: "ecc",
    userIDs: [{ name }],
    format: "object",
    date: options.date ?? new Date(Date.now() - 3_600_000),
    keyExpirationTime: options.secondsValid ?? 0,
  });
  return {
    privateKey,
    base64: Buffer.from(publicKey.write()).toString("base64"),
    fingerprint: publicKey.getFingerprint().toUpperCase(),
  };
}

/** The same key as a device may hold it: with a self-signature that lets it expire. */
export async function expiring(key: ForgedKey, born: Date, secondsValid: number): Promise<ForgedKey> {
  const { publicKey } = await reformatKey({
    privateKey: key.privateKey,
    userIDs: [{ name: "Expired" }],
    keyExpirationTime: secondsValid,
    date: born,
    format: "object",
  });
  return { ...key, base64: Buffer.from(publicKey.write()).toString("base64") };
}

export interface TarFile {
  readonly name: string;
  readonly content?: string | Buffer;
  readonly type?: "file" | "symlink" | "link" | "directory";
  readonly linkname?: string;
  readonly mode?: number;
}

export async function forgeTar(files: readonly TarFile[]): Promise<Buffer> {
  const tar = pack();
  for (const { name, content = "", type = "file", linkname, mode = 0o644 } of files) {
    const header = { name, type, mode, mtime: new Date(0), ...(linkname === undefined ? {} : { linkname }) };
    if (type === "file") tar.entry(header, content);
    else tar.entry(header);
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export const xz = (bytes: Buffer): Buffer => execFileSync("xz", ["-c", "-1"], { input: bytes, maxBuffer: 1 << 30 });

export function forgeAr(members: readonly (readonly [string, Buffer])[]): Buffer {
  const parts = members.flatMap(([name, bytes]) => {
    const header = `${name.padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"100644".padEnd(8)}${String(bytes.length).padEnd(10)}\`\n`;
    return [Buffer.from(header), bytes, Buffer.alloc(bytes.length % 2, "\n")];
  });
  return Buffer.concat([Buffer.from("!<arch>\n"), ...parts]);
}

export interface ForgedPackage {
  readonly name: string;
  readonly version: string;
  readonly arch: string;
}

export async function forgeControl(wanted: ForgedPackage, more: readonly TarFile[] = []): Promise<Buffer> {
  const control = `Package: ${wanted.name}\nVersion: ${wanted.version}\nArchitecture: ${wanted.arch}\n`;
  return forgeTar([{ name: "./", type: "directory" }, { name: "./control", content: control }, ...more]);
}

export async function forgeDeb(
  wanted: ForgedPackage,
  files: readonly TarFile[],
  control: readonly TarFile[] = [],
): Promise<Buffer> {
  return forgeAr([
    ["debian-binary", Buffer.from("2.0\n")],
    ["control.tar.xz", xz(await forgeControl(wanted, control))],
    ["data.tar.xz", xz(await forgeTar(files))],
  ]);
}

export const sha256Of = (bytes: Buffer | string): string => hash("sha256", bytes);

export function forgeStanza(
  wanted: ForgedPackage,
  deb: Buffer,
  changes: Readonly<Record<string, string>> = {},
): string {
  const fields = {
    Package: wanted.name,
    Version: wanted.version,
    Architecture: wanted.arch,
    Filename: `pool/${wanted.name}_${wanted.version}_${wanted.arch}.deb`,
    Size: String(deb.length),
    SHA256: sha256Of(deb),
    ...changes,
  };
  return `${Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n")}\n`;
}

export interface ForgedRelease {
  readonly key: ForgedKey;
  readonly indices: ReadonlyMap<string, Buffer>;
  readonly date: Date;
  readonly signedAt?: Date;
  readonly validUntil?: Date;
}

export function releaseText({ indices, date, validUntil }: ForgedRelease): string {
  const sums = [...indices].map(([path, bytes]) => ` ${sha256Of(bytes)} ${bytes.length} ${path}`);
  const until = validUntil === undefined ? [] : [`Valid-Until: ${validUntil.toUTCString()}`];
  return ["Origin: Forge", "Suite: test", `Date: ${date.toUTCString()}`, ...until, "SHA256:", ...sums].join("\n");
}

export async function forgeInRelease(release: ForgedRelease): Promise<string> {
  const message = await createCleartextMessage({ text: releaseText(release) });
  return sign({ message, signingKeys: release.key.privateKey, date: release.signedAt ?? new Date() });
}

export async function forgeDetached(release: ForgedRelease): Promise<string> {
  const message = await createMessage({ binary: new Uint8Array(Buffer.from(releaseText(release))) });
  return sign({ message, signingKeys: release.key.privateKey, detached: true, date: release.signedAt ?? new Date() });
}

export const packagesGz = (...stanzas: readonly string[]): Buffer => gzipSync(stanzas.join("\n"));

type Answer = Buffer | string | ((request: IncomingMessage, response: ServerResponse) => void);

/** A real HTTP server on the loopback interface; a path without an answer is a 404. */
export async function serve(answers: Map<string, Answer>) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "");
    asked.push(path);
    const answer = answers.get(path);
    if (typeof answer === "function") answer(request, response);
    else if (answer === undefined) response.writeHead(404).end();
    else response.writeHead(200, { "content-length": Buffer.byteLength(answer) }).end(answer);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    uri,
    asked,
    answers,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

export function forgeSource(uri: string, key: ForgedKey, changes: Partial<AptSource> = {}): AptSource {
  return {
    uri,
    suite: "test",
    components: ["main"],
    architectures: ["amd64"],
    keyrings: [{ path: "/usr/share/keyrings/forge.gpg", base64: key.base64 }],
    fingerprints: [],
    from: "/etc/apt/sources.list",
    ...changes,
  };
}

import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { canonicalJson } from "@provost/shared/lib/canonical-json.ts";

/** A TUF repository on loopback with one key for all roles: enough for a client that verifies every step of the chain. */
export interface TufMirror {
  readonly url: string;
  /** root.json of version 1, to begin from. */
  readonly root: string;
  /** Publishes these targets under the next versions. */
  publish(targets: Readonly<Record<string, string>>): void;
  /** From now on one byte of every target is another. */
  tamper(): void;
  close(): Promise<void>;
}

export async function openTufMirror(expires: string): Promise<TufMirror> {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const key = {
    keytype: "ed25519",
    scheme: "ed25519",
    keyval: { public: publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("hex") },
  };
  const keyid = sha256(Buffer.from(canonicalJson(key)));
  const signed = (body: object): string =>
    JSON.stringify({
      signatures: [{ keyid, sig: sign(null, Buffer.from(canonicalJson(body)), privateKey).toString("hex") }],
      signed: body,
    });
  const role = { keyids: [keyid], threshold: 1 };
  const common = { spec_version: "1.0.31", expires };
  const root = signed({
    ...common,
    _type: "root",
    version: 1,
    consistent_snapshot: true,
    keys: { [keyid]: key },
    roles: { root: role, timestamp: role, snapshot: role, targets: role },
  });
  const files = new Map<string, Buffer>([["/1.root.json", Buffer.from(root)]]);
  let version = 0;
  let tampered = false;

  const server = createServer((request, response) => {
    const file = files.get(decodeURIComponent(request.url ?? ""));
    if (file === undefined) return void response.writeHead(404).end();
    const body = Buffer.from(file);
    if (tampered && request.url?.startsWith("/targets/") === true) body[0] = (body[0] ?? 0) ^ 1;
    return void response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    root,
    publish(targets) {
      version += 1;
      const entries = Object.entries(targets).map(([name, text]) => {
        const bytes = Buffer.from(text);
        files.set(`/targets/${placeOf(name, sha256(bytes))}`, bytes);
        return [name, { length: bytes.length, hashes: { sha256: sha256(bytes) } }] as const;
      });
      const meta = (name: string) => ({ [name]: { version } });
      files.set(
        `/${version}.targets.json`,
        Buffer.from(signed({ ...common, _type: "targets", version, targets: Object.fromEntries(entries) })),
      );
      files.set(
        `/${version}.snapshot.json`,
        Buffer.from(signed({ ...common, _type: "snapshot", version, meta: meta("targets.json") })),
      );
      files.set(
        "/timestamp.json",
        Buffer.from(signed({ ...common, _type: "timestamp", version, meta: meta("snapshot.json") })),
      );
    },
    tamper() {
      tampered = true;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** TUF 6.2.2: with consistent snapshots the digest stands before the last part of a target's name. */
function placeOf(name: string, digest: string): string {
  const slash = name.lastIndexOf("/");
  return `${name.slice(0, slash + 1)}${digest}.${name.slice(slash + 1)}`;
}

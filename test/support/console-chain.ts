import { createHash } from "node:crypto";
import type { Answer } from "@provost/shared/protocol/api.ts";

type Row = Answer<"executables">["rows"][number];
type Link = Answer<"executable">["chain"][number];

/** Evidence by the digest it is asked for. One piece is stored under a digest that is not its own. */
export const evidence: ReadonlyMap<string, Buffer> = new Map(
  [
    Buffer.from(
      `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\nSuite: stable\nCodename: bookworm\nDate: Sat, 21 Nov 2026 09:11:45 UTC\nSHA256:\n${" 0f1e2d 1234 main/binary-amd64/Packages\n".repeat(4000)}-----END PGP SIGNATURE-----\n`,
    ),
    Buffer.from(
      JSON.stringify({
        mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
        note: "<script>alert(1)</script>\u202e",
      }),
    ),
    Buffer.from(Uint8Array.from({ length: 9000 }, (_, at) => (at * 37) % 256)),
  ].map((bytes) => [createHash("sha256").update(bytes).digest("hex"), bytes]),
);
export const tamperedDigest = "ab".repeat(32);
const [inRelease = "", bundle = "", deb = ""] = [...evidence.keys()];

/** Links in the wrong order on purpose: the console puts them in reading order. */
export function chainFor(row: Row): readonly Link[] & Link[] {
  const refuted = row.standing === "refuted";
  const carried = row.standing === "signed" || row.standing === "proven" || refuted;
  return [
    {
      link: "device",
      state: "verified",
      says: `The agent of ${row.deviceName} hashed this file through its own handle.`,
      facts: { device: row.device },
    },
    {
      link: "file",
      state: refuted ? "failed" : carried ? "verified" : "missing",
      says: refuted
        ? "The file's digest is not the one the package's manifest lists for this path."
        : carried
          ? "The package's manifest lists exactly this digest for this path."
          : "No manifest lists this file. The publisher could supply one.",
      facts: { path: row.path.slice(0, 300), digest: row.digest ?? "none" },
    },
    {
      link: "package",
      state: carried ? "verified" : "recorded",
      says: carried
        ? "The index lists the package's SHA-256 and the package's bytes have it."
        : "dpkg's own database says so.",
      evidence: [
        { sha256: deb, mediaType: "application/vnd.debian.binary-package", title: "Manifest of the package" },
        { sha256: tamperedDigest, mediaType: "text/plain", title: "A record that was altered" },
      ],
    },
    {
      link: "archive",
      state: "verified",
      says: "InRelease of bookworm is signed by Debian's archive key.",
      facts: { fingerprint: "B8B8 0B5B 623E AB6A D877 5C45 B7C5 D7D6 3509 47F8", date: "2026-11-21 09:11:45 UTC" },
      evidence: [{ sha256: inRelease, mediaType: "text/plain", title: "InRelease of bookworm" }],
    },
    { link: "index", state: "verified", says: "The signed release lists the Packages file's SHA-256." },
    {
      link: "signature",
      state: "verified",
      says: "The OpenPGP signature verifies under a key that apt on this device trusts.",
      evidence: [{ sha256: bundle, mediaType: "application/json", title: "Signature bundle" }],
    },
    {
      link: "source",
      state: "missing",
      says: "Nothing signed names the commit. The Debian maintainer's build record could.",
    },
    { link: "process", state: "verified", says: `${row.running} processes run these bytes now.` },
  ];
}

import { hash } from "node:crypto";

/** "sha256:..." as registries name bytes. */
export const ociDigest = (bytes: Uint8Array): string => `sha256:${hash("sha256", bytes, "hex")}`;

/** The tag under which cosign keeps what it attaches to an image: "sha256-....sig" or ".att". */
export const cosignTag = (digest: string, kind: "sig" | "att"): string => `${digest.replace(":", "-")}.${kind}`;

/** distribution-spec 1.1, "Referrers Tag Schema": where a registry without the referrers API keeps the index. */
export const referrersTag = (digest: string): string => digest.replace(":", "-");

import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import { ownCertificate } from "./own-certificate.ts";

/** How agents and browsers reach this server. */
export type TlsSettings =
  /** Plain HTTP: this machine only. */
  | { readonly kind: "off" }
  /** A certificate of the server's own authority, made at the first start and renewed by itself. */
  | { readonly kind: "own" }
  | { readonly kind: "given"; readonly certificate: string; readonly key: string }
  /** A proxy before the server ends TLS and shows this certificate. */
  | { readonly kind: "proxy"; readonly certificate: string };

export interface Tls {
  /** For the listener; absent where it speaks plain HTTP. */
  readonly served?: { readonly cert: string; readonly key: string };
  /** SHA-256 of the certificate that agents are shown, in hex; none without TLS. */
  readonly certificate?: string;
  /** "sha256//…" of the certificate's public key (RFC 7469), as curl takes it. */
  readonly publicKeyPin?: string;
  /** Of the own authority, for whoever wants browsers to believe it. */
  readonly authority?: string;
  readonly expires?: number;
}

/** Reads or makes what the settings name. Throws CONFIG_INVALID naming the file that is wrong. */
export async function openTls(
  settings: TlsSettings,
  folder: string,
  names: readonly string[],
  now: number,
): Promise<Tls> {
  switch (settings.kind) {
    case "off":
      return {};
    case "own": {
      const { cert, key, authority } = await ownCertificate(join(folder, "tls"), names, now);
      return { served: { cert, key }, authority, ...shown(cert, "the certificate of this server") };
    }
    case "given": {
      const cert = read(settings.certificate, "tlsCertificate");
      const key = read(settings.key, "tlsKey");
      requirePair(cert, key, settings);
      return { served: { cert, key }, ...shown(cert, settings.certificate) };
    }
    case "proxy":
      return shown(read(settings.certificate, "tlsCertificate"), settings.certificate);
    default:
      return unreachable(settings);
  }
}

function shown(pem: string, name: string): Pick<Tls, "certificate" | "expires" | "publicKeyPin"> {
  try {
    const leaf = new X509Certificate(pem);
    const key = leaf.publicKey.export({ type: "spki", format: "der" });
    return {
      publicKeyPin: `sha256//${createHash("sha256").update(key).digest("base64")}`,
      certificate: createHash("sha256").update(leaf.raw).digest("hex"),
      expires: Date.parse(leaf.validTo),
    };
  } catch (cause) {
    throw new AppError("CONFIG_INVALID", `tlsCertificate: ${name} holds no certificate in PEM that can be read`, {
      cause,
    });
  }
}

function requirePair(
  cert: string,
  key: string,
  { certificate, key: keyFile }: { certificate: string; key: string },
): void {
  const leaf = shown(cert, certificate);
  try {
    if (leaf.certificate !== undefined && new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return;
  } catch (cause) {
    throw new AppError("CONFIG_INVALID", `tlsKey: ${keyFile} holds no private key in PEM that can be read`, { cause });
  }
  throw new AppError("CONFIG_INVALID", `tlsKey: ${keyFile} is not the key of ${certificate}`);
}

function read(path: string, field: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new AppError(
      "CONFIG_INVALID",
      `${field}: ${path} cannot be read (${cause instanceof Error ? cause.message : String(cause)})`,
      { cause },
    );
  }
}

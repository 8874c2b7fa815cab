import type { Brand } from "../lib/brand.ts";

/** Lower-case hexadecimal SHA-256 of bytes. */
export type Sha256 = Brand<string, "Sha256">;
/** The server's name for one enrolled device: "dev_" and 26 characters. */
export type DeviceId = Brand<string, "DeviceId">;
/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = Brand<number, "Instant">;
/** A package URL in canonical form, `pkg:deb/debian/bash@5.2.15-2%2Bb8?arch=amd64`. */
export type Purl = Brand<string, "Purl">;

export const isSha256 = (text: string): text is Sha256 => /^[0-9a-f]{64}$/.test(text);
export const sha256 = (text: string): Sha256 | undefined => (isSha256(text) ? text : undefined);
export const instant = (milliseconds: number): Instant => milliseconds as Instant;
export const isDeviceId = (text: string): text is DeviceId => /^dev_[0-9a-z]{26}$/.test(text);

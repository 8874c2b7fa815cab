import { randomBytes, scryptSync, timingSafeEqual } from "node:crypto";

/** scrypt with 2^15 rounds takes a tenth of a second and 32 MB: once, when somebody stops the daemon. */
const cost = { N: 32_768, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
const keyBytes = 32;

/** "scrypt:SALT:KEY" in base64: what the configuration holds of the owner's code. */
export function hashStopCode(secret: string): string {
  const salt = randomBytes(16);
  return `scrypt:${salt.toString("base64")}:${scryptSync(secret, salt, keyBytes, cost).toString("base64")}`;
}

export function isStopCode(secret: string, hash: string): boolean {
  const [name, salt = "", key = ""] = hash.split(":");
  const wanted = Buffer.from(key, "base64");
  if (name !== "scrypt" || wanted.length !== keyBytes || salt === "") return false;
  return timingSafeEqual(scryptSync(secret, Buffer.from(salt, "base64"), keyBytes, cost), wanted);
}

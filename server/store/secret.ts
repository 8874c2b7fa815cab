import { randomBytes } from "node:crypto";

/** 192 bits, base64url: what tokens, sign-in links and sessions are made of. */
export const newSecret = (): string => randomBytes(24).toString("base64url");

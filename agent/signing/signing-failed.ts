import { AppError } from "@provost/shared/lib/app-error.ts";

/** Nothing was signed, or what was signed does not hold. The message never quotes a token, a PIN or a passphrase. */
export const signingFailed = (message: string, remedy: string, cause?: unknown): AppError =>
  new AppError("SIGNING_FAILED", message, { remedy, ...(cause === undefined ? {} : { cause }) });

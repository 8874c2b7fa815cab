/** Every code a user can meet. docs/errors.md has one section for each; test/laws compares the two. */
export const errorCodes = [
  "CONFIG_INVALID",
  "STATE_UNUSABLE",
  "STATE_NEWER",
  "SERVER_UNREACHABLE",
  "SERVER_NOT_TRUSTED",
  "ENROL_REFUSED",
  "SESSION_REFUSED",
  "TOKEN_REFUSED",
  "NOT_ALLOWED",
  "FRAME_REFUSED",
  "PORT_IN_USE",
  "SCAN_FAILED",
  "SIGNING_FAILED",
  "PUBLISH_REFUSED",
  "NOT_FOUND",
  "UNREADABLE",
  "DOCUMENT_REFUSED",
  "LIMIT",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** A broken promise a user can reach. `message` says what happened and `remedy` the next thing to do. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly remedy: string | undefined;

  constructor(code: ErrorCode, message: string, options: { readonly cause?: unknown; readonly remedy?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.remedy = options.remedy;
  }
}

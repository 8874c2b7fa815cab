import { AppError } from "@provost/shared/lib/app-error.ts";
import type { ErrorCode } from "@provost/shared/lib/app-error.ts";
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { Standing } from "@provost/shared/model/verdict.ts";

/** What every verb of `provost` ends with. docs/operate tells scripts to rely on it. */
export const exitCodes = {
  asWanted: 0,
  refuted: 1,
  usage: 2,
  unproven: 3,
  unchecked: 4,
  blocked: 5,
  permission: 6,
  partial: 7,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export function exitOf(standing: Standing): ExitCode {
  switch (standing) {
    case "proven":
    case "signed":
      return exitCodes.asWanted;
    case "unproven":
    case "refuted":
    case "unchecked":
      return exitCodes[standing];
    default:
      return unreachable(standing);
  }
}

/** Of many answers the one a script must not miss: something refuted, then what could not be looked at, then the weaker. */
export function worst(codes: readonly ExitCode[]): ExitCode {
  const failed = codes.filter((code) => failures.has(code));
  const [first] = failed;
  if (first !== undefined && failed.length === codes.length && failed.every((code) => code === first)) return first;
  const answered = codes.map((code) => (failures.has(code) ? exitCodes.partial : code));
  return severity.find((code) => answered.includes(code)) ?? exitCodes.asWanted;
}

const failures: ReadonlySet<ExitCode> = new Set([exitCodes.usage, exitCodes.permission]);
const severity: readonly ExitCode[] = [
  exitCodes.refuted,
  exitCodes.blocked,
  exitCodes.partial,
  exitCodes.unchecked,
  exitCodes.unproven,
];

export function exitOfError(error: AppError): ExitCode {
  if (lacksPermission(error.cause)) return exitCodes.permission;
  return exitByCode[error.code] ?? exitCodes.usage;
}

const exitByCode: Partial<Record<ErrorCode, ExitCode>> = {
  UNREADABLE: exitCodes.permission,
  SCAN_FAILED: exitCodes.partial,
  PUBLISH_REFUSED: exitCodes.partial,
  LIMIT: exitCodes.partial,
};

/** The file system's own words, and SQLite's for a folder it may not write. */
export function lacksPermission(cause: unknown): boolean {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return /^(?:EACCES|EPERM|EROFS|SQLITE_READONLY.*|SQLITE_CANTOPEN.*|SQLITE_PERM)$/.test(code);
}

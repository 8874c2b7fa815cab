/** STIX's timestamps: RFC 3339 in UTC, with capital T and Z, as exact as they are written. */

const written = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:[0-5]\d)(?:\.(\d{1,9})\d*)?Z$/;

/** Nanoseconds since 1970: milliseconds would make two times of a log one. */
export function readTime(text: string): bigint | undefined {
  const [, seconds, fraction = ""] = written.exec(text) ?? [];
  const milliseconds = seconds === undefined ? Number.NaN : Date.parse(`${seconds}Z`);
  // The parser takes the 31st of February for the 3rd of March.
  if (seconds === undefined || Number.isNaN(milliseconds) || !new Date(milliseconds).toISOString().startsWith(seconds))
    return undefined;
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

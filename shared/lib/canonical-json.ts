/**
 * RFC 8785 (JSON Canonicalization Scheme) for the values Provost signs and hashes: keys sorted by UTF-16 code unit,
 * no white space, ECMAScript number form. Throws on values JSON cannot carry, so that nothing is signed by accident.
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case "string":
    case "boolean":
      return JSON.stringify(value);
    case "number":
      if (!Number.isFinite(value)) throw new TypeError(`canonical JSON has no ${value}`);
      return JSON.stringify(value);
    case "object":
      return value === null ? "null" : structure(value);
    default:
      throw new TypeError(`canonical JSON has no ${typeof value}`);
  }
}

function structure(value: object): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(",")}}`;
}

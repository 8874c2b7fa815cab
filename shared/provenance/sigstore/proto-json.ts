/**
 * ProtoJSON: a parser has to accept each member by its lowerCamelCase name and by the name in the .proto file, and an enumeration by
 * its name and by its number. Bundles are written in the first spelling; this turns the second into it. Nothing inside a
 * bundle has names of its own (what a statement says is base64 here), so every member may be renamed.
 */
export function inCamelCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inCamelCase);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(([name, one]) => [camelCase(name), inCamelCase(one)] as const);
  // Both spellings of one member are a document that says two things: left as it is, and refused for the unknown name.
  return new Set(members.map(([name]) => name)).size === members.length ? Object.fromEntries(members) : value;
}

const camelCase = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());

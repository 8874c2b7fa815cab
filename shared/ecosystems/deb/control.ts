/** One deb822 stanza: field names in lower case, values with their continuation lines joined by newlines. */
export type Stanza = ReadonlyMap<string, string>;
export type StanzaReading =
  | { readonly kind: "stanza"; readonly stanza: Stanza }
  | { readonly kind: "malformed"; readonly why: string };

export interface StanzaLimits {
  readonly characters: number;
  readonly fields: number;
}
/** Release files of large archives carry some 15,000 file lines; no package stanza comes near either number. */
export const stanzaLimits: StanzaLimits = { characters: 8 << 20, fields: 400 };

/** deb-control(5), Debian policy 5.1: one paragraph of fields. Repeated names and stray lines are refused, not guessed at. */
export function readStanza(text: string, limits: StanzaLimits = stanzaLimits): StanzaReading {
  if (text.length > limits.characters) return malformed(`a stanza longer than ${limits.characters} characters`);
  const fields = new Map<string, string[]>();
  let current: string[] | undefined;
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    if (line.startsWith(" ") || line.startsWith("\t")) {
      if (current === undefined) return malformed("a continuation line before any field");
      current.push(line.slice(1).trimEnd());
      continue;
    }
    const field = fieldOf(line);
    if (field === undefined) return malformed(`a line that is no field: ${JSON.stringify(line.slice(0, 60))}`);
    if (fields.has(field.name)) return malformed(`the field ${field.name} twice`);
    if (fields.size >= limits.fields) return malformed(`more than ${limits.fields} fields`);
    current = [field.value];
    fields.set(field.name, current);
  }
  if (fields.size === 0) return malformed("an empty stanza");
  return { kind: "stanza", stanza: new Map([...fields].map(([name, lines]) => [name, lines.join("\n").trim()])) };
}

/** Policy 5.1: a name is printable ASCII without space and colon and does not begin with "#" or "-". */
function fieldOf(line: string): { readonly name: string; readonly value: string } | undefined {
  const colon = line.indexOf(":");
  if (colon <= 0) return undefined;
  const name = line.slice(0, colon);
  return /^[!-,.-9;-~][!-9;-~]*$/.test(name)
    ? { name: name.toLowerCase(), value: line.slice(colon + 1).trim() }
    : undefined;
}

const malformed = (why: string): StanzaReading => ({ kind: "malformed", why });

/** Debian policy 5.6.12: epoch, upstream version and revision compared by runs of non-digits and digits; "~" sorts first. */
export function compareVersions(a: string, b: string): -1 | 0 | 1 {
  const left = partsOf(a);
  const right = partsOf(b);
  if (left.epoch !== right.epoch) return compareDigits(left.epoch, right.epoch);
  return comparePart(left.upstream, right.upstream) || comparePart(left.revision, right.revision);
}

function partsOf(version: string): { readonly epoch: string; readonly upstream: string; readonly revision: string } {
  const colon = version.indexOf(":");
  const rest = version.slice(colon + 1);
  const hyphen = rest.lastIndexOf("-");
  return {
    epoch: colon < 0 ? "" : version.slice(0, colon).replace(/^0+/, ""),
    upstream: hyphen < 0 ? rest : rest.slice(0, hyphen),
    revision: hyphen < 0 ? "" : rest.slice(hyphen + 1),
  };
}

function comparePart(a: string, b: string): -1 | 0 | 1 {
  let left = 0;
  let right = 0;
  while (left < a.length || right < b.length) {
    while (nonDigit(a, left) || nonDigit(b, right)) {
      const difference = weight(a, left) - weight(b, right);
      if (difference !== 0) return difference < 0 ? -1 : 1;
      left += 1;
      right += 1;
    }
    const digitsLeft = digitsAt(a, left);
    const digitsRight = digitsAt(b, right);
    left += digitsLeft.length;
    right += digitsRight.length;
    const order = compareDigits(digitsLeft.replace(/^0+/, ""), digitsRight.replace(/^0+/, ""));
    if (order !== 0) return order;
  }
  return 0;
}

/** Runs of digits may be longer than a number holds (dates, hashes): longer is larger, equal lengths compare as text. */
function compareDigits(a: string, b: string): -1 | 0 | 1 {
  if (a.length !== b.length) return a.length < b.length ? -1 : 1;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

const nonDigit = (text: string, at: number): boolean => at < text.length && !/[0-9]/.test(text[at] ?? "");

function digitsAt(text: string, at: number): string {
  let end = at;
  while (end < text.length && !nonDigit(text, end)) end += 1;
  return text.slice(at, end);
}

/** "~" before the end of the part, the end before letters, letters before everything else. */
function weight(text: string, at: number): number {
  const character = text[at];
  if (character === undefined || /[0-9]/.test(character)) return 0;
  if (character === "~") return -1;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 256;
}

/**
 * Names come from disks and archives an attacker may write. Controls and characters that reorder or hide text are
 * shown as \xNN, so that what is on screen is what is there. Text that was escaped before is left as it is.
 */
export const visible = (text: string): string => text.replace(unsafe, escaped);

/** A path as folder and name, so that the name stays on screen when the folder does not fit. */
export function splitPath(path: string): { readonly folder: string; readonly name: string } {
  const text = visible(path);
  const cut = text.endsWith(" (deleted)") ? text.lastIndexOf("/", text.length - 11) : text.lastIndexOf("/");
  return cut < 0 || cut === text.length - 1
    ? { folder: "", name: text }
    : { folder: text.slice(0, cut + 1), name: text.slice(cut + 1) };
}

// C0, DEL, C1 and the Unicode controls that reorder or hide text, as in shared/lib/path-text.ts, without the backslash.
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;
const encoder = new TextEncoder();
const escaped = (character: string): string =>
  [...encoder.encode(character)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");

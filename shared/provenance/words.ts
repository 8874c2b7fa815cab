import type { Purl } from "../model/ids.ts";

/** "pkg:deb/debian/bash@5.2.15-2%2Bb8?arch=amd64" as a person says it: "bash 5.2.15-2+b8". */
export const named = (purl: Purl): string => shown(nameIn(purl));

function nameIn(purl: Purl): string {
  const bare = purl.replace(/[?#].*$/, "");
  const at = bare.lastIndexOf("@");
  const name = (at > 0 ? bare.slice(0, at) : bare).split("/").slice(2).join("/") || bare;
  const plain = bare.startsWith("pkg:deb/") || bare.startsWith("pkg:pypi/") ? (name.split("/").at(-1) ?? name) : name;
  return at > 0 ? `${decode(plain)} ${decode(bare.slice(at + 1))}` : decode(plain);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A file system may hold any number as a time, also one that no calendar has. */
export function timeText(milliseconds: number): string {
  const time = new Date(milliseconds);
  return Number.isNaN(time.getTime()) ? `${milliseconds} ms` : time.toISOString();
}

/** For a sentence: a path of sixteen thousand characters is cut in its middle. The chain's facts hold it whole. */
export const shown = (text: string): string =>
  text.length <= 300 ? text : `${text.slice(0, 200)} ... ${text.slice(-80)}`;

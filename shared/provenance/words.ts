import type { Purl } from "../model/ids.ts";

/** "pkg:deb/debian/bash@5.2.15-2%2Bb8?arch=amd64" as a person says it: "bash 5.2.15-2+b8". */
export const named = (purl: Purl): string => shown(nameIn(purl));

function nameIn(purl: Purl): string {
  const [, type = "", rest = purl] = /^pkg:([^/]+)\/([^?#]*)/.exec(purl) ?? [];
  const at = rest.lastIndexOf("@");
  const full = at > 0 ? rest.slice(0, at) : rest;
  // Only npm's namespace is part of the name people use.
  const name = decode(type === "npm" ? full : (full.split("/").at(-1) ?? full));
  return at > 0 ? `${name} ${decode(rest.slice(at + 1))}` : name;
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

/** A build's inputs stand among the facts of its link under this and their name. */
export const inputFact = "input ";

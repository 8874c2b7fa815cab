import { safeText } from "../lib/path-text.ts";
import { maxProblems } from "./limits.ts";

/** Collects what is odd in one document. The text of each may hold a stranger's names: they are escaped and cut. */
export class Problems {
  readonly #told: string[] = [];
  #more = 0;

  add(says: string, name = ""): void {
    if (this.#told.length < maxProblems) this.#told.push(name === "" ? says : `${says}: ${shown(name)}`);
    else this.#more += 1;
  }

  list(): readonly string[] {
    return this.#more === 0 ? this.#told : [...this.#told, `and ${this.#more} more`];
  }
}

export const shown = (name: string): string => safeText(name.length > 200 ? `${name.slice(0, 200)}…` : name);

import type { Container } from "./options.ts";
import { zip } from "./zip/index.ts";

/** Every kind of archive that is read. One line each; the first that recognises the beginning reads it. */
export const containers: readonly Container[] = [zip];

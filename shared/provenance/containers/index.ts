import { deb } from "./deb/index.ts";
import { gem } from "./gem/index.ts";
import type { Container } from "./options.ts";
import { rpm } from "./rpm/index.ts";
import { tar } from "./tar/index.ts";
import { zip } from "./zip/index.ts";

/** Every kind of archive that is read. One line each; the first that recognises the beginning reads it, so a gem stands before tar. */
export const containers: readonly Container[] = [zip, deb, rpm, gem, tar];

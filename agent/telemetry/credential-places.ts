import { existsSync, readFileSync, readdirSync } from "node:fs";
import { isPersonsHome } from "@provost/shared/model/watched-files.ts";

/** Folders of a home in which lies what others sign in with; the home itself has some, too. */
const below = [
  ".ssh",
  ".aws",
  ".kube",
  ".docker",
  ".gnupg",
  ".gnupg/private-keys-v1.d",
  ".config/gh",
  ".config/gcloud",
  ".azure",
  ".cargo",
];
const files = ["/etc/shadow", "/etc/gshadow"];
const mostHomes = 400;

/**
 * Whose opening is to be told: folders and files in which credentials lie, on the device and in the roots on it. The sensor is told once
 * of each; a folder that is made later is named when its making is seen, below a home that is known here.
 */
export class CredentialPlaces {
  readonly #watch: (path: string) => void;
  readonly #told = new Set<string>();
  #homes: ReadonlySet<string> = new Set();

  constructor(watch: (path: string) => void) {
    this.#watch = watch;
  }

  /** The sensor begins anew: it knows none of them. */
  renew(roots: readonly string[]): void {
    this.#told.clear();
    this.look(roots);
  }

  /** Homes may have come. */
  look(roots: readonly string[]): void {
    this.#homes = new Set(["", ...roots].flatMap(homesIn).slice(0, mostHomes));
    for (const home of this.#homes) {
      if (isPersonsHome(home)) this.#tell(home);
      for (const folder of below) this.#tell(`${home}/${folder}`);
    }
    for (const root of ["", ...roots]) for (const file of files) this.#tell(`${root}${file}`);
  }

  /** A folder or file was made, or another one was put in its place. */
  made(path: string): void {
    const home = below.find((folder) => path.endsWith(`/${folder}`));
    const isOurs = home === undefined ? this.#told.has(path) : this.#homes.has(path.slice(0, -home.length - 1));
    if (!isOurs) return;
    this.#told.add(path);
    this.#watch(path);
  }

  #tell(path: string): void {
    if (this.#told.has(path) || !existsSync(path)) return;
    this.#told.add(path);
    this.#watch(path);
  }
}

/** Of everybody whom passwd(5) names in this root, and whatever else lies where homes lie. */
function homesIn(root: string): readonly string[] {
  const named = linesOf(`${root}/etc/passwd`).flatMap((line) => {
    const home = line.split(":")[5] ?? "";
    return home.startsWith("/") && home !== "/" && !home.includes("..") ? [home] : [];
  });
  const found = namesIn(`${root}/home`).map((name) => `/home/${name}`);
  return [...new Set(["/root", ...found, ...named])].map((home) => `${root}${home}`);
}

function linesOf(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8").split("\n").slice(0, 10_000);
  } catch {
    return [];
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).slice(0, mostHomes);
  } catch {
    return [];
  }
}

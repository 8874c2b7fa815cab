import { arch } from "node:os";

/** What is built: two products, each as three kinds of package and one single executable. */
export interface Product {
  readonly part: "agent" | "server";
  /** Of the package, of its folder below /usr/lib, and of its command. */
  readonly name: "provost" | "provost-server";
  readonly summary: string;
  readonly description: readonly string[];
}

export const products: readonly Product[] = [
  {
    part: "agent",
    name: "provost",
    summary: "proves where the programs on this device come from",
    description: [
      "The Provost agent lists installed packages and running programs, checks them",
      "against provenance records and signatures, gates what may run, and tells a",
      "server what it found. It carries its own Node.js and its kernel sensor.",
    ],
  },
  {
    part: "server",
    name: "provost-server",
    summary: "keeps a fleet's evidence of where its programs come from",
    description: [
      "The Provost server takes in what agents find, derives proofs from signed",
      "archives and build attestations, and serves the console. It carries its own",
      "Node.js.",
    ],
  },
];

export interface Build {
  readonly version: string;
  /** Seconds since 1970: every file's time, so that two builds give the same bytes. */
  readonly epoch: number;
  /** Where everything that is made along the way lies. */
  readonly work: string;
  readonly out: string;
}

const machine = arch();
/** The machine's name in Debian's words, in rpm's, and in Node's. */
export const architecture = {
  deb: machine === "x64" ? "amd64" : machine,
  rpm: machine === "x64" ? "x86_64" : "aarch64",
  node: machine,
} as const;

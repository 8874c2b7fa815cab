/** What a stranger's document may cost. Each bound is refused by name, and no part of a refused document is used. */
export interface SbomLimits {
  readonly bytes: number;
  readonly depth: number;
  /** Components, packages and files together; statements of a VEX document. */
  readonly components: number;
  readonly edges: number;
  /** Digests, licences, products, aliases: per component or statement. */
  readonly perItem: number;
  /** Characters of one text that is kept. */
  readonly text: number;
}

export const sbomLimits: SbomLimits = {
  bytes: 32 * 1024 * 1024,
  depth: 64,
  components: 200_000,
  edges: 1_000_000,
  perItem: 10_000,
  text: 16_384,
};

/** Odd things are told one by one up to here; then how many more there were. */
export const maxProblems = 50;

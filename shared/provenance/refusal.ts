/**
 * Why a document proves nothing. Inside the verifier a step that cannot go on throws one of these; `guarded`, at the door of
 * each format, turns it into a value. Nothing else may leave a format.
 */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly basis: RefusalBasis;
  /** Who or what could settle it, for the bases that leave the question open. */
  readonly wanted: string;

  constructor(basis: RefusalBasis, why: string, wanted = "") {
    super(why);
    this.basis = basis;
    this.wanted = wanted;
  }
}

/**
 * `unreadable`: not the format it says. `forged`: a known key does not carry it. `foreign`: about another file.
 * `contradicted`: about this package and version, with other bytes. `revoked`: the owner withdrew the signer or the document.
 * `downgraded`: signed, but not what was expected of this file. The others leave the question open.
 */
export type RefusalBasis =
  | "unreadable"
  | "forged"
  | "foreign"
  | "contradicted"
  | "revoked"
  | "downgraded"
  | "stale-trust"
  | "no-time-proof"
  | "unsupported"
  | "unreachable";

export const unreadable = (why: string): Refusal => new Refusal("unreadable", why, "the document as it was published");
export const forged = (why: string): Refusal => new Refusal("forged", why);
export const unsupported = (why: string): Refusal =>
  new Refusal("unsupported", why, "a version of Provost that reads it");
export const unknownToTrust = (why: string, wanted: string): Refusal => new Refusal("stale-trust", why, wanted);

/** Runs a reader over strangers' bytes. A fault that is no refusal means bytes no step foresaw: unreadable, never proof. */
export function guarded<T>(read: () => T, refused: (refusal: Refusal) => T): T {
  try {
    return read();
  } catch (cause) {
    return refused(asRefusal(cause));
  }
}

export function asRefusal(cause: unknown): Refusal {
  if (cause instanceof Refusal) return cause;
  return unreadable(`the document could not be read (${cause instanceof Error ? cause.message : "fault"})`);
}

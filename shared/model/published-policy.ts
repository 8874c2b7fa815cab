import type { Ring } from "./gate.ts";

/** Whose word rules a device's gate: a file that its owner laid there, the server's, or what the product brings. */
export const policySources = ["file", "server", "built-in"] as const;
export type PolicySource = (typeof policySources)[number];

/** What is signed: canonical JSON of this, by the server's key (context `policyContext`). */
export interface PublishedPolicy {
  /** Grows with everything the server sends to say about its policy: an older one is not taken again. */
  readonly issue: number;
  /** The owner's rules, as they were written; their own number stands in them. */
  readonly yaml: string;
  /** Rings that do less than the rules say, for now. */
  readonly steppedBack: readonly Ring[];
  readonly at: number;
  readonly by: string;
}

export const policyContext = "provost policy v1";

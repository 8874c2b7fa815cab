/** policy-controller's names for the digest a key signs over. */
export function digestOfKeyHash(name: string): "sha224" | "sha256" | "sha384" | "sha512" | undefined {
  const lower = name.toLowerCase();
  return digests.find((one) => one === lower);
}

const digests = ["sha224", "sha256", "sha384", "sha512"] as const;

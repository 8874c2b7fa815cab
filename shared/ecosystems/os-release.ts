/** os-release(5) ID, the vendor of a deb package URL. "debian" where the root does not say. */
export function vendorOf(osRelease: Uint8Array | undefined): string {
  if (osRelease === undefined) return DEFAULT_VENDOR;
  const line = /^ID=(["']?)([a-z0-9._-]{1,64})\1\s*$/m.exec(new TextDecoder().decode(osRelease));
  return line?.[2] ?? DEFAULT_VENDOR;
}

const DEFAULT_VENDOR = "debian";

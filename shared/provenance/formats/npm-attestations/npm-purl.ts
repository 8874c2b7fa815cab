/** `pkg:npm/%40scope/name@1.0.0` as npm writes it: the scope's "@" escaped, nothing else changed. */
export function npmPackageIn(purl: string): { readonly name: string; readonly version: string } | undefined {
  const parts = /^pkg:npm\/(?:(?:%40|@)([^/@%]+)\/)?([^/@%]+)@([^/@%?#]+(?:%2B[^/@%?#]*)?)$/i.exec(purl);
  const [, scope, base, version] = parts ?? [];
  if (base === undefined || version === undefined) return undefined;
  const name = scope === undefined ? base : `@${scope}/${base}`;
  return { name, version: version.replace(/%2B/gi, "+") };
}

/** The parts of a package URL. `name` and `namespace` are decoded; qualifiers are few and known. */
export interface PurlParts {
  readonly type: string;
  readonly namespace?: string;
  readonly name: string;
  readonly version?: string;
  readonly qualifiers?: Readonly<Record<string, string>>;
  readonly subpath?: string;
}

/**
 * What the published definition of a type asks and packageurl-js does not know yet: letters that do not count, parts that
 * may not or must be there. Undefined: the parts make no package URL of their type.
 */
export function asItsType(parts: PurlParts): PurlParts | undefined {
  if (parts.namespace !== undefined && withoutNamespace.has(parts.type)) return undefined;
  return rules[parts.type]?.(parts) ?? (Object.hasOwn(rules, parts.type) ? undefined : parts);
}

/** As the library wants the parts: it writes every "/" of a name encoded, and of a namespace as it is. */
export function withPlainName(parts: PurlParts): PurlParts {
  if (parts.type !== "git" || !parts.name.includes("/")) return parts;
  const path = `${parts.namespace ?? ""}/${parts.name}`;
  const slash = path.lastIndexOf("/");
  return { ...parts, namespace: path.slice(0, slash), name: path.slice(slash + 1) };
}

/** Their definitions say "prohibited". */
const withoutNamespace: ReadonlySet<string> = new Set(
  "bazel bitnami cargo chrome-extension cocoapods conda cran gem hackage julia mlflow nuget oci opam otp pub pypi vcpkg".split(
    " ",
  ),
);

/**
 * Of the namespaces that definitions require, only those without which nothing could be found are asked for: what is in use for
 * Go's own library is `pkg:golang/stdlib`, and scanners leave out a distribution they could not tell.
 */
const rules: Readonly<Record<string, (parts: PurlParts) => PurlParts | undefined>> = {
  brew: lowered,
  "chrome-extension": (parts) =>
    /^[a-p]{32}$/.test(parts.name) && /^(?:\d+(?:\.\d+){0,3})?$/.test(parts.version ?? "") ? parts : undefined,
  // A distribution is named, never a module of it.
  cpan: (parts) => (parts.name.includes("::") ? undefined : parts),
  git: gitParts,
  julia: (parts) => (parts.qualifiers?.["uuid"] === undefined ? undefined : parts),
  "vscode-extension": (parts) => (parts.namespace === undefined ? undefined : lowered(parts)),
};

function lowered(parts: PurlParts): PurlParts {
  const { namespace, name } = parts;
  return {
    ...parts,
    name: name.toLowerCase(),
    ...(namespace === undefined ? {} : { namespace: namespace.toLowerCase() }),
  };
}

/** The namespace is the host, the name everything behind it. GitHub's letters have no case, whichever type names it. */
function gitParts(parts: PurlParts): PurlParts | undefined {
  if (parts.namespace === undefined) return undefined;
  const [host = "", ...rest] = `${parts.namespace}/${parts.name}`.split("/");
  const whole = { ...parts, namespace: host, name: rest.join("/") };
  return /^github(?:\.com)?$/i.test(host) ? lowered(whole) : whole;
}

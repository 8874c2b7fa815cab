import { safeText } from "../../lib/path-text.ts";

/** One binary archive of sources.list(5), before its keyrings are read. */
export interface AptEntry {
  readonly kind: "entry";
  readonly uri: string;
  readonly suite: string;
  /** Empty for a flat repository (suite ends in "/"). */
  readonly components: readonly string[];
  /** Empty: apt's own. */
  readonly architectures: readonly string[];
  readonly signedBy: readonly SignedBy[];
}

export type SignedBy =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "fingerprint"; readonly fingerprint: string }
  | { readonly kind: "inline"; readonly armoured: string };

export interface AptFault {
  readonly kind: "fault";
  readonly why: string;
}

/** One-line style: "deb [option=value ...] uri suite component...". deb-src lines are no archive of what is installed. */
export function readOneLineSources(text: string): readonly (AptEntry | AptFault)[] {
  const lines = text.slice(0, MAX_TEXT).split("\n");
  return lines.flatMap((line, at) => oneLine(line.replace(/#.*$/, "").trim(), at + 1)).slice(0, MAX_ENTRIES);
}

/** deb822 style: stanzas of Types, URIs, Suites, Components and options. */
export function readDeb822Sources(text: string): readonly (AptEntry | AptFault)[] {
  const stanzas = text
    .slice(0, MAX_TEXT)
    .replaceAll("\r\n", "\n")
    .replaceAll(/^#.*\n/gm, "")
    .split(/\n(?:[ \t]*\n)+/);
  return stanzas.flatMap(stanza).slice(0, MAX_ENTRIES);
}

const MAX_TEXT = 4 * 1024 * 1024;
const MAX_ENTRIES = 2000;
const MAX_URI = 2000;

interface Options {
  readonly architectures: readonly string[];
  readonly signedBy: readonly SignedBy[];
  readonly trusted: boolean;
}

function oneLine(line: string, number: number): readonly (AptEntry | AptFault)[] {
  if (line === "" || /^deb-src\s/.test(line)) return [];
  const found = /^deb\s+(?:\[([^\]]*)\]\s+)?((?:cdrom:\[[^\]]*\]\S*|\S+))\s+(\S+)((?:\s+\S+)*)$/.exec(line);
  const [, options = "", uri, suite, components = ""] = found ?? [];
  if (uri === undefined || suite === undefined) return [fault(`line ${number} is no source`)];
  return entries([uri], [suite], words(components), optionsOf(oneLineOptions(options)));
}

function oneLineOptions(text: string): ReadonlyMap<string, string> {
  const pairs = words(text).map((word) => /^([^=+-]+(?:-[a-z]+)*)([+-]?)=(.*)$/.exec(word));
  return new Map(
    pairs.flatMap((pair) =>
      // "arch-=" takes away from apt's own list, which is wider: nothing is narrowed then.
      pair === null || pair[2] === "-" ? [] : [[pair[1]?.toLowerCase() ?? "", pair[3]?.replaceAll(",", " ") ?? ""]],
    ),
  );
}

function stanza(text: string): readonly (AptEntry | AptFault)[] {
  const fields = fieldsOf(text);
  if (fields === undefined) return [fault("a stanza with a line that is no field")];
  if (fields.size === 0 || /^(?:no|false|0|off|without|disable)$/i.test(fields.get("enabled") ?? "")) return [];
  const types = words(fields.get("types") ?? "");
  const uris = words(fields.get("uris") ?? "");
  const suites = words(fields.get("suites") ?? "");
  if (types.length === 0 || uris.length === 0 || suites.length === 0)
    return [fault("a stanza without Types, URIs or Suites")];
  if (!types.includes("deb")) return [];
  const options = new Map([...fields, ["arch", fields.get("architectures") ?? ""] as const]);
  return entries(uris, suites, words(fields.get("components") ?? ""), optionsOf(options));
}

function fieldsOf(text: string): ReadonlyMap<string, string> | undefined {
  const fields = new Map<string, string>();
  let current: string | undefined;
  for (const line of text.split("\n").filter((line) => line.trim() !== "")) {
    const [, name, value = ""] = /^([!-9;-~]+):(.*)$/.exec(line) ?? [];
    if (/^[ \t]/.test(line)) {
      if (current === undefined) return undefined;
      fields.set(current, `${fields.get(current) ?? ""}\n${line.slice(1)}`);
    } else if (name === undefined) return undefined;
    else {
      current = name.toLowerCase();
      fields.set(current, value.trim());
    }
  }
  return fields;
}

function optionsOf(options: ReadonlyMap<string, string>): Options {
  return {
    architectures: words(options.get("arch") ?? "").filter((arch) => /^[a-z0-9-]+$/.test(arch)),
    signedBy: signersOf(options.get("signed-by") ?? ""),
    trusted: /^(?:yes|true|1|on|with|enable)$/i.test(options.get("trusted") ?? ""),
  };
}

/** An inline key is indented, its empty line written as " ."; a fingerprint may end in "!" (that very subkey). */
function signersOf(text: string): readonly SignedBy[] {
  if (text.includes("-----BEGIN PGP PUBLIC KEY BLOCK-----")) {
    const lines = text.trim().split("\n");
    return [
      { kind: "inline", armoured: `${lines.map((line) => (line.trim() === "." ? "" : line.trim())).join("\n")}\n` },
    ];
  }
  return words(text).map((word): SignedBy => {
    const bare = word.replace(/!$/, "").toUpperCase();
    return /^(?:[0-9A-F]{40}|[0-9A-F]{64})$/.test(bare)
      ? { kind: "fingerprint", fingerprint: bare }
      : { kind: "file", path: word };
  });
}

function entries(
  uris: readonly string[],
  suites: readonly string[],
  components: readonly string[],
  { architectures, signedBy, trusted }: Options,
): readonly (AptEntry | AptFault)[] {
  const made = uris.flatMap((uri) =>
    suites.map((suite) => {
      const why = entryFault(uri, suite, components);
      return why === undefined
        ? {
            kind: "entry" as const,
            uri: withoutCredentials(uri),
            suite,
            components: [...components],
            architectures,
            signedBy,
          }
        : fault(why);
    }),
  );
  const note = `trusted=yes for ${safeText(withoutCredentials(uris[0] ?? ""))}: an archive is believed for its signature only`;
  return trusted ? [...made, fault(note)] : made;
}

function entryFault(uri: string, suite: string, components: readonly string[]): string | undefined {
  if (uri.length > MAX_URI || !/^[a-z0-9+.-]+:/i.test(uri) || safeText(uri) !== uri)
    return "a source whose URI is malformed";
  if (!/^[A-Za-z0-9$()_.+:~/-]{1,200}$/.test(suite) || suite.split("/").includes(".."))
    return "a source whose suite is malformed";
  if (
    components.some(
      (component) => !/^[A-Za-z0-9_.+:~/-]{1,200}$/.test(component) || component.split("/").includes(".."),
    )
  )
    return "a source whose component is malformed";
  // sources.list(5): a suite that is an exact path ends in "/" and has no component; any other has at least one.
  const flat = suite.endsWith("/");
  return flat === (components.length === 0) ? undefined : "a source whose suite and components do not go together";
}

const fault = (why: string): AptFault => ({ kind: "fault", why });
const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");
const withoutCredentials = (uri: string): string => uri.replace(/^([a-z0-9+.-]+:\/\/)[^/]*@/i, "$1");

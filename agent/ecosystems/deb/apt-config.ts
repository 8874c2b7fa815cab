import { readDeb822Sources, readOneLineSources, type AptEntry } from "@provost/shared/ecosystems/deb/apt-sources.ts";
import type { AptSource, InventoryProblem } from "@provost/shared/model/inventory.ts";
import { problemOf, type Refusal, type RootView } from "../root-view.ts";
import { names } from "./database.ts";

/** The archives apt on this root is configured with, in apt's own files; apt.conf's renamed folders are not followed. */
export function* aptSources(view: RootView): Generator<AptSource | InventoryProblem> {
  const keys = openKeyrings(view);
  for (const path of sourceFiles(view, keys)) {
    const read = view.read(path, MAX_SOURCES);
    if (read.kind === "refused") yield problemOf(path, read);
    if (read.kind !== "bytes") continue;
    const text = new TextDecoder().decode(read.bytes);
    for (const item of path.endsWith(".sources") ? readDeb822Sources(text) : readOneLineSources(text)) {
      if (item.kind === "fault") yield { path, basis: "unsupported", why: item.why };
      else yield sourceOf(item, keys, path);
    }
  }
  yield* keys.problems;
}

type Keyring = AptSource["keyrings"][number];
interface Keyrings {
  readonly view: RootView;
  readonly read: Map<string, Keyring | undefined>;
  readonly problems: InventoryProblem[];
  trusted?: readonly Keyring[];
}

const MAX_SOURCES = 4 * 1024 * 1024;
const MAX_KEYRING = 4 * 1024 * 1024;
const MAX_KEYRINGS = 200;
const aptFolder = "/etc/apt";

const openKeyrings = (view: RootView): Keyrings => ({ view, read: new Map(), problems: [] });

/** sources.list(5): other names in sources.list.d are ignored by apt. */
function sourceFiles(view: RootView, keys: Keyrings): readonly string[] {
  const parts = names(view, `${aptFolder}/sources.list.d`, keys.problems).filter((name) =>
    /^[\w.-]+\.(?:list|sources)$/.test(name),
  );
  return [`${aptFolder}/sources.list`, ...parts.map((name) => `${aptFolder}/sources.list.d/${name}`)];
}

function sourceOf(entry: AptEntry, keys: Keyrings, from: string): AptSource {
  const { uri, suite, components, architectures, signedBy } = entry;
  const named: Keyring[] = [];
  const fingerprints: string[] = [];
  for (const signer of signedBy) {
    if (signer.kind === "fingerprint") fingerprints.push(signer.fingerprint);
    else if (signer.kind === "inline") named.push({ path: from, base64: btoa(latin1(signer.armoured)) });
    else named.push(...[keyringAt(keys, signer.path)].filter((keyring) => keyring !== undefined));
  }
  // A Signed-By that names only a keyring that is not there leaves no key at all: never the general ones instead.
  const narrowed = signedBy.some((signer) => signer.kind !== "fingerprint");
  const keyrings = narrowed ? named : trustedKeyrings(keys);
  return { uri, suite, components, architectures, keyrings, fingerprints, from };
}

function trustedKeyrings(keys: Keyrings): readonly Keyring[] {
  const parts = names(keys.view, `${aptFolder}/trusted.gpg.d`, keys.problems).filter((name) =>
    /^[\w.+~-]+\.(?:gpg|asc)$/.test(name),
  );
  const paths = [`${aptFolder}/trusted.gpg`, ...parts.map((name) => `${aptFolder}/trusted.gpg.d/${name}`)];
  keys.trusted ??= paths.map((path) => keyringAt(keys, path, "optional")).filter((keyring) => keyring !== undefined);
  return keys.trusted;
}

function keyringAt(keys: Keyrings, path: string, need: "named" | "optional" = "named"): Keyring | undefined {
  if (!keys.read.has(path)) keys.read.set(path, load(keys, path, need));
  return keys.read.get(path);
}

function load(keys: Keyrings, path: string, need: "named" | "optional"): Keyring | undefined {
  const read = readable(keys, path);
  if (read.kind === "bytes") return { path, base64: Buffer.from(read.bytes).toString("base64") };
  if (read.kind === "refused") keys.problems.push(problemOf(path, read));
  else if (need === "named")
    keys.problems.push({ path, basis: "unsupported", why: "a keyring that Signed-By names is not there" });
  return undefined;
}

function readable(keys: Keyrings, path: string): ReturnType<RootView["read"]> {
  const refused = (why: string): Refusal => ({ kind: "refused", basis: "unsupported", why });
  if (!path.startsWith("/") || path.includes("\\"))
    return refused("a Signed-By that is no absolute path or fingerprint");
  if (keys.read.size >= MAX_KEYRINGS) return refused(`more than ${MAX_KEYRINGS} keyrings`);
  return keys.view.read(path, MAX_KEYRING);
}

/** Armour is ASCII; anything else in it would be refused by whoever reads the key. */
const latin1 = (text: string): string => text.replace(/[^\u0000-\u007f]/g, "?");

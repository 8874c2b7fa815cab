import { AppError } from "./app-error.ts";

/** One thing an owner may set: in the file, by a variable, or as a flag. The table of a program is its documentation as well. */
export interface Setting {
  /** In the file, and as "--name": "tls-key". */
  readonly name: string;
  /** "PROVOST_TLS_KEY". */
  readonly variable: string;
  /** A list is separated by colons where it holds paths, else by spaces or commas. */
  readonly kind: "text" | "paths" | "words";
  /** Never a flag: every user of a machine can read command lines. */
  readonly secret?: true;
  readonly what: string;
  readonly otherwise: string;
}

export interface SettingsSources {
  /** The text of the file, and what it is called in messages. */
  readonly file?: { readonly path: string; readonly text: string };
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** "--port=4680" and "--port 4680". */
  readonly flags?: readonly string[];
}

export interface SettingsRead {
  readonly values: ReadonlyMap<string, string | readonly string[]>;
  /** "flag", "variable PROVOST_PORT" or "agent.conf:3". */
  readonly from: ReadonlyMap<string, string>;
}

const maxFile = 256 * 1024;

/** A flag goes before a variable, a variable before the file. Throws CONFIG_INVALID naming the place. */
export function readSettings(known: readonly Setting[], sources: SettingsSources): SettingsRead {
  const values = new Map<string, string | readonly string[]>();
  const from = new Map<string, string>();
  const put = (setting: Setting, text: string, place: string): void => {
    values.set(setting.name, valueOf(setting, text));
    from.set(setting.name, place);
  };
  if (sources.file !== undefined)
    for (const { name, text, place } of lines(sources.file)) put(find(known, name, place), text, place);
  for (const setting of known) {
    const text = sources.environment[setting.variable];
    if (text !== undefined && text !== "") put(setting, text, `variable ${setting.variable}`);
  }
  for (const { name, text } of flagsOf(sources.flags ?? [])) {
    const setting = find(known, name, `--${name}`);
    if (setting.secret === true)
      throw new AppError(
        "CONFIG_INVALID",
        `--${name}: every user of this machine can read a command line; put it into a file or into ${setting.variable}`,
      );
    put(setting, text, "flag");
  }
  return { values, from };
}

function* lines(file: { readonly path: string; readonly text: string }) {
  if (file.text.length > maxFile)
    throw new AppError("CONFIG_INVALID", `${file.path}: it is longer than ${maxFile} characters`);
  const seen = new Map<string, string>();
  for (const [index, raw] of file.text.split("\n").entries()) {
    const line = raw.trim();
    const place = `${file.path}:${index + 1}`;
    if (line === "" || line.startsWith("#")) continue;
    const [, name, text] = /^([a-z][a-z0-9-]*)\s*=\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || text === undefined)
      throw new AppError("CONFIG_INVALID", `${place}: wanted a line such as "name = value", or a # before a remark`);
    const before = seen.get(name);
    if (before !== undefined) throw new AppError("CONFIG_INVALID", `${place}: ${name} stands in ${before} already`);
    seen.set(name, place);
    yield { name, text, place };
  }
}

function* flagsOf(words: readonly string[]) {
  for (let at = 0; at < words.length; at += 1) {
    const [, name, joined] = /^--([a-z][a-z0-9-]*)(?:=(.*))?$/s.exec(words[at] ?? "") ?? [];
    if (name === undefined) throw new AppError("CONFIG_INVALID", `${words[at] ?? ""}: wanted --name=value`);
    const text = joined ?? words[(at += 1)];
    if (text === undefined) throw new AppError("CONFIG_INVALID", `--${name}: its value is missing`);
    yield { name, text };
  }
}

function find(known: readonly Setting[], name: string, place: string): Setting {
  const setting = known.find((one) => one.name === name);
  if (setting !== undefined) return setting;
  const near = known
    .map((one) => ({ name: one.name, distance: distance(one.name, name) }))
    .sort((a, b) => a.distance - b.distance)[0];
  const hint = near !== undefined && near.distance <= 2 ? `; is ${near.name} meant?` : "";
  throw new AppError("CONFIG_INVALID", `${place}: there is no setting ${name}${hint}`);
}

function valueOf({ kind }: Setting, text: string): string | readonly string[] {
  if (kind === "text") return text;
  return text.split(kind === "paths" ? ":" : /[\s,]+/).filter((item) => item !== "");
}

/** Letters to add, drop or change (Levenshtein); names are short. */
function distance(a: string, b: string): number {
  let row = [...Array.from({ length: b.length + 1 }).keys()];
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1)
      next.push(
        Math.min((next[j - 1] ?? 0) + 1, (row[j] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)),
      );
    row = next;
  }
  return row[b.length] ?? 0;
}

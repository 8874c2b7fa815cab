/** One verb of a command line, as manual page and completions show it. The program itself is the one without a path. */
export interface VerbEntry {
  /** ["quarantine", "list"]. */
  readonly path: readonly string[];
  readonly says: string;
  /** As a usage line names them: "<file...>". */
  readonly arguments: readonly string[];
  readonly options: readonly OptionEntry[];
  /** The verbs below it. */
  readonly verbs: readonly string[];
}

export interface OptionEntry {
  /** "--standing". */
  readonly name: string;
  /** As the help shows it: "--standing <standing>". */
  readonly flags: string;
  readonly says: string;
  readonly takesValue: boolean;
  /** The only values there are; else anything. */
  readonly choices: readonly string[];
}

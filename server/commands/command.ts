/** A verb of `provost-server`: its words, and where the console's files lie. Gives the exit code. */
export type Command = (words: readonly string[], consoleFolder: string) => Promise<number> | number;

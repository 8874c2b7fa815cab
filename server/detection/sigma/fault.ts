/** Why a rule cannot be used, and where that stands. Thrown inside the readers, caught by load.ts, a value from there on. */
export class RuleFault extends Error {
  override readonly name = "RuleFault";
  readonly line: number;

  constructor(line: number, why: string) {
    super(why);
    this.line = line;
  }
}

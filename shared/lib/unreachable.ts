/** Ends a switch over a closed union: a new member makes the compiler list every place that must change. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}

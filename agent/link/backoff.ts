/** Full jitter: a pause in milliseconds between 100 and a ceiling that doubles with each attempt. `random` is in [0, 1). */
export function backoff(attempt: number, random: number): number {
  const ceiling = Math.min(slowest, fastest * 2 ** Math.min(attempt, 20));
  return Math.round(100 + random * ceiling);
}

const fastest = 400;
const slowest = 60_000;

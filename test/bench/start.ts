import { settledState, startProduct } from "./product.ts";
import type { Options, Result } from "./result.ts";
import { below, median, round } from "./result.ts";
import { openSession } from "./session.ts";

const runs = 5;
const patienceMs = 30_000;

/** `npm start` on the state of an earlier one, from the command to a console that answers with what is known. */
export async function run({ excluded, say }: Options): Promise<Result> {
  const folder = await settledState(excluded, say);
  const printed: number[] = [];
  const answered: number[] = [];
  for (let number = 1; number <= runs; number += 1) {
    say(`start ${number} of ${runs}`);
    const started = performance.now();
    const product = await startProduct(folder, excluded);
    try {
      printed.push((performance.now() - started) / 1000);
      const session = await openSession(product);
      await overviewWithData(session, started + patienceMs);
      answered.push((performance.now() - started) / 1000);
    } finally {
      await product.stop();
    }
  }
  const seconds = median(answered);
  return {
    name: "start",
    figures: {
      starts: runs,
      "seconds until the address is printed": round(median(printed), 2),
      "seconds until the overview answers with data": round(seconds, 2),
      "slowest start, seconds": round(Math.max(...answered), 2),
    },
    goals: [below("a second start, until the console answers with data", 5, seconds, "s")],
  };
}

async function overviewWithData(session: Awaited<ReturnType<typeof openSession>>, until: number): Promise<void> {
  for (;;) {
    const overview = await session.overview();
    if (overview.executables.total > 0 && overview.packages.total > 0) return;
    if (performance.now() > until) throw new Error("the overview stayed empty");
  }
}

import { unreachable } from "@provost/shared/lib/unreachable.ts";
import type { Delivery, Fetch } from "../fetch.ts";
import { NotNow, type Answer, type Ask, type Question } from "../upstreams/upstream.ts";

/** The questions that one pull may put, and the ETags of what it was given, for when all of it is stored. */
export interface Asking {
  readonly ask: Ask;
  etags(): readonly (readonly [string, string])[];
}

export const questionsPerPull = 1000;

export function openAsk(fetch: Fetch, etagOf: (url: string) => string | undefined, signal: AbortSignal): Asking {
  const etags = new Map<string, string>();
  let questions = 0;
  const ask = async (question: Question): Promise<Answer | undefined> => {
    questions += 1;
    if (questions > questionsPerPull)
      throw new NotNow(`more than ${questionsPerPull} questions were needed for one answer`, { final: true });
    const url = URL.parse(question.url);
    if (url === null) throw new NotNow("an address is no URL", { final: true });
    const { accept, authorization, maxBytes } = question;
    const etag = question.onlyIfNew === true ? etagOf(url.href) : undefined;
    let pieces: Buffer[] = [];
    const delivery = await fetch.get({
      url,
      maxBytes,
      signal,
      ...(accept === undefined ? {} : { accept }),
      ...(authorization === undefined ? {} : { authorization }),
      ...(etag === undefined ? {} : { etag }),
      open: () => {
        pieces = [];
        return (chunk) => void pieces.push(chunk);
      },
    });
    if (delivery.kind === "delivered" && question.onlyIfNew === true && delivery.etag !== undefined)
      etags.set(url.href, delivery.etag);
    return answerOf(delivery, pieces);
  };
  return { ask: Object.assign(ask, { signal }), etags: () => [...etags] };
}

function answerOf(delivery: Delivery, pieces: readonly Buffer[]): Answer | undefined {
  switch (delivery.kind) {
    case "delivered":
      return { bytes: Buffer.concat(pieces), ...(delivery.link === undefined ? {} : { link: delivery.link }) };
    case "absent":
    case "unchanged":
      return undefined;
    case "refused":
      throw new NotNow(delivery.says, { final: true });
    case "unreachable": {
      const { says, retryAfterMs, challenge } = delivery;
      throw new NotNow(says, {
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
        ...(challenge === undefined ? {} : { challenge }),
      });
    }
    default:
      return unreachable(delivery);
  }
}

/** Something that refills steadily up to what it holds: requests, bytes, failed attempts. */
export interface RateLimit {
  readonly holds: number;
  readonly perSecond: number;
}

export interface Rate {
  /** Takes `amount` for `who`; else how many milliseconds until there is enough. */
  take(
    who: string,
    amount: number,
    now: number,
  ): { readonly ok: true } | { readonly ok: false; readonly waitMs: number };
}

/** At most `maxNames` are remembered; beyond them the one that has been silent longest is forgotten, which is as if it were full. */
export function openRate({ holds, perSecond }: RateLimit, maxNames = 10_000): Rate {
  const buckets = new Map<string, { left: number; at: number }>();
  return {
    take(who, amount, now) {
      const held = buckets.get(who) ?? { left: holds, at: now };
      const left = Math.min(holds, held.left + (Math.max(0, now - held.at) / 1000) * perSecond);
      const enough = left >= amount;
      buckets.delete(who);
      buckets.set(who, { left: enough ? left - amount : left, at: now });
      const oldest = buckets.keys().next().value;
      if (buckets.size > maxNames && oldest !== undefined) buckets.delete(oldest);
      return enough ? { ok: true } : { ok: false, waitMs: Math.ceil(((amount - left) / perSecond) * 1000) };
    },
  };
}

export const machineLimits = {
  /** Of one token or CI identity: 20 a second on average, 600 at once. */
  requests: { holds: 600, perSecond: 20 },
  /** 8 GiB at once, 8 GiB an hour. Taken after the fact, as what came was counted. */
  bytes: { holds: 8 * 2 ** 30, perSecond: (8 * 2 ** 30) / 3600 },
  /** Of one address: guessing is slow. */
  failures: { holds: 60, perSecond: 1 },
} as const;

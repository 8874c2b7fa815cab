import type { Answer } from "@provost/shared/protocol/api.ts";
import { api } from "@provost/shared/protocol/api.ts";
import type { Product } from "./product.ts";

export interface Session {
  readonly cookie: string;
  overview(): Promise<Answer<"overview">>;
}

/** Signs in with the printed link, as a browser would. */
export async function openSession(product: Product): Promise<Session> {
  const answer = await fetch(product.signIn, { redirect: "manual" });
  const cookie = answer.headers.getSetCookie()[0]?.split(";")[0];
  if (cookie === undefined) throw new Error(`the sign-in link answered ${answer.status} and no cookie`);
  return {
    cookie,
    async overview() {
      const got = await fetch(product.address + api.overview.path, { headers: { cookie } });
      if (!got.ok) throw new Error(`the overview answered ${got.status}`);
      return api.overview.answer.parse(await got.json());
    },
  };
}

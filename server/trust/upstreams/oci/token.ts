import * as z from "zod";
import { readJson } from "../read-json.ts";
import { malformed, NotNow, upstreamLimits, type Answer, type Ask } from "../upstream.ts";

/** Asks one repository of a registry, with the token that the registry's own challenge led to. */
export interface Door {
  (path: string, accept: string, maxBytes?: number): Promise<Answer | undefined>;
  address(path: string): string;
  /** A page's address as a path of this repository; undefined where it leads elsewhere. */
  pathOf(address: string | undefined): string | undefined;
}

export function openDoor(repository: string, ask: Ask): Door {
  let authorization: string | undefined;
  const door = async (path: string, accept: string, maxBytes: number = upstreamLimits.indexBytes) => {
    const question = { url: repository + path, accept, maxBytes };
    try {
      return await ask({ ...question, ...(authorization === undefined ? {} : { authorization }) });
    } catch (cause) {
      const challenge = cause instanceof NotNow ? cause.challenge : undefined;
      // One token is good for the whole pull; a second challenge means that it opens nothing.
      if (challenge === undefined || authorization !== undefined) throw cause;
      authorization = `Bearer ${await tokenFor(challenge, repository, ask)}`;
      return ask({ ...question, authorization });
    }
  };
  return Object.assign(door, {
    address: (path: string) => repository + path,
    pathOf: (address: string | undefined) =>
      address?.startsWith(`${repository}/`) === true ? address.slice(repository.length) : undefined,
  });
}

/** The registry token protocol (distribution.github.io/distribution/spec/auth/token), as nobody in particular. */
async function tokenFor(challenge: string, repository: string, ask: Ask): Promise<string> {
  const url = tokenAddress(challenge, repository);
  if (url === undefined) throw malformed("the registry asks for an authorization that is not read");
  const answer = await ask({ url, maxBytes: 256 * 1024 });
  if (answer === undefined) throw malformed("the registry's token address has nothing");
  const { token, access_token: access } = readJson(Token, answer.bytes, "the registry's token");
  const found = token ?? access;
  if (found === undefined) throw malformed("the registry gave no token");
  return found;
}

const Token = z.object({
  token: z
    .string()
    .regex(/^[A-Za-z0-9._~+/=-]{1,20000}$/)
    .optional(),
  access_token: z
    .string()
    .regex(/^[A-Za-z0-9._~+/=-]{1,20000}$/)
    .optional(),
});

/** Only reading is asked for, whatever the challenge offers. */
export function tokenAddress(challenge: string, repository: string): string | undefined {
  const { protocol, pathname } = new URL(repository);
  const fields = Object.fromEntries(
    [...challenge.matchAll(/([a-z]+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value]),
  );
  const realm = /^Bearer /i.test(challenge) ? URL.parse(fields["realm"] ?? "") : null;
  if (realm === null || (realm.protocol !== "https:" && realm.protocol !== protocol)) return undefined;
  if (fields["service"] !== undefined) realm.searchParams.set("service", fields["service"]);
  realm.searchParams.set("scope", `repository:${pathname.replace(/^\/v2\//, "")}:pull`);
  return realm.href;
}

import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { Handler } from "./handler.ts";
import { none, sum } from "./overview.ts";

export const devices: Handler<"devices"> = ({ query, parts }) => parts.store.read.devices(query, parts.edge().online);

export const device: Handler<"device"> = ({ id, parts }) => {
  const known = parts.store.read.device(id, parts.edge().online);
  if (known === undefined) return undefined;
  const configs = parts.store.inventory
    .archives(id as DeviceId)
    .flatMap(({ config }) => (config === undefined ? [] : [config as never]));
  return {
    ...known,
    archives: configs
      .flatMap((config) => parts.derivation.archives(config))
      .map(({ uri, suite, components, state, says, signedBy, releaseDate, validUntil }) => ({
        uri,
        suite,
        components: [...components],
        state,
        says,
        signedBy: [...signedBy],
        ...(releaseDate === undefined ? {} : { releaseDate }),
        ...(validUntil === undefined ? {} : { validUntil }),
      })),
    proofs: configs.map((config) => parts.derivation.counts(config)).reduce(sum, none),
  };
};

export const processes: Handler<"processes"> = ({ id, parts }) => parts.store.read.processes(id);

export const newToken: Handler<"newToken"> = ({ parts }) => {
  const { token, expiresAt } = parts.edge().newToken(parts.now());
  const server = `${parts.address().replace(/^http/, "ws")}/agent`;
  return { token, expiresAt, command: `PROVOST_SERVER=${server} PROVOST_TOKEN=${token} npm run agent` };
};

import type { DeviceId } from "@provost/shared/model/ids.ts";
import { authorise } from "./commands.ts";
import { gateSummary } from "./gate.ts";
import type { Handler } from "./handler.ts";
import { agentAddress, enrolLine, pasteLine, verifyFirst } from "../../install/script.ts";
import { sceneOf } from "../install-routes.ts";
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
    gate: gateSummary(parts, id),
  };
};

export const processes: Handler<"processes"> = ({ id, parts }) => parts.store.read.processes(id);

export const newToken: Handler<"newToken"> = async ({ parts, session }) => {
  authorise(session, "fleet");
  const { token, expiresAt } = parts.store.inventory.transaction(() => {
    parts.audit.note("token", session.user, "Made an enrolment token for one device");
    return parts.edge().newToken(parts.now());
  });
  const scene = await sceneOf(parts);
  if (scene.packages.length > 0)
    return {
      token,
      expiresAt,
      command: pasteLine(scene, token),
      installed: enrolLine(scene, token),
      verifyFirst: [...verifyFirst(scene, token)],
    };
  // Without TLS the server is this very machine's, and most likely both run from a checkout.
  if (scene.pin === undefined)
    return {
      token,
      expiresAt,
      command: `PROVOST_SERVER=${agentAddress(scene.address)} PROVOST_TOKEN=${token} npm run agent`,
    };
  return { token, expiresAt, command: enrolLine(scene, token) };
};

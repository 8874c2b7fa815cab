import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { Handler } from "./handler.ts";

export const packages: Handler<"packages"> = ({ query, parts }) => parts.store.read.packages(query);

export const packageDetail: Handler<"package"> = ({ query, parts }) => {
  const stored = parts.store.read.package(query.purl);
  if (stored === undefined) return undefined;
  const [place] = stored.installs;
  const known = place === undefined ? undefined : parts.desk.proofOf(place.device as DeviceId, place.root, query.purl);
  return {
    ...stored.row,
    chain: known?.proof.links ?? [],
    installs: stored.installs.map(({ device, deviceName, location, firstSeen }) => ({
      device,
      deviceName,
      location,
      firstSeen,
    })),
  };
};

import type { Read } from "../store.ts";
import { openAsk } from "./ask.ts";
import type { Db } from "./open.ts";
import { readDevices } from "./read-devices.ts";
import { readExecutables } from "./read-executables.ts";
import { readOverview } from "./read-overview.ts";
import { readPackages } from "./read-packages.ts";
import { readSearch } from "./read-search.ts";

export function openRead(db: Db): Read {
  const ask = openAsk(db);
  return {
    ...readOverview(ask),
    ...readDevices(ask),
    ...readExecutables(ask),
    ...readPackages(ask),
    ...readSearch(ask),
  };
}

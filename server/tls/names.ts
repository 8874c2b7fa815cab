import type { NetworkInterfaceInfo } from "node:os";
import type { ServerConfig } from "../config.ts";

type Reachable = Pick<ServerConfig, "host" | "names" | "tls">;

/** Every name and address that this server answers under: a browser that asks under another one was led here by somebody else. */
export function namesOf(
  config: Reachable,
  host: string,
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
): readonly string[] {
  const local = ["localhost", "127.0.0.1", "::1"];
  const named = config.names.map((name) => name.toLowerCase());
  if (["127.0.0.1", "::1", "localhost"].includes(config.host)) return unique([...named, ...local]);
  const everywhere = config.host === "0.0.0.0" || config.host === "::";
  // A link-local address means something else on every link.
  const addresses = Object.values(interfaces)
    .flatMap((list) => list ?? [])
    .map(({ address }) => address)
    .filter((address) => !address.startsWith("fe80:"));
  return unique([...named, ...(everywhere ? [host.toLowerCase(), ...addresses] : [config.host]), ...local]);
}

/** The one that links and the line under Add device carry. */
export function publicName({ host, names }: Reachable, machine: string): string {
  const [first] = names;
  const name = first ?? (host === "::1" ? "localhost" : ["0.0.0.0", "::"].includes(host) ? machine : host);
  return name.includes(":") ? `[${name}]` : name;
}

const unique = (list: readonly string[]): readonly string[] => [...new Set(list)];

import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { AppError } from "@provost/shared/lib/app-error.ts";

/**
 * Cuts a device off: nftables drops everything but loopback, the server and what was excepted. A table in the `inet` family for
 * everything that has addresses, and a chain at each interface's way out (`netdev`) for packets that programs write themselves.
 */
const table = "provost_isolation";
/** RFC 5737: documentation only, so nobody is disturbed by the try. */
const forbidden = "192.0.2.1";

export function cut(addresses: readonly string[]): string {
  const odd = addresses.find((address) => !isNetwork(address));
  if (odd !== undefined) throw new AppError("CONFIG_INVALID", `"${odd}" is not an address or a network`);
  if (addresses.length === 0)
    throw new AppError("NOT_ALLOWED", "no address of the server is known: cut off from it, nobody could undo this");
  const interfaces = outward();
  const whole = nft(rules(addresses, interfaces));
  if (whole === undefined) return "only the server and what was excepted are reachable";
  // Kernels before 5.16 have no chain at the way out of an interface.
  const rest = nft(rules(addresses, []));
  if (rest === undefined)
    return "only the server and what was excepted are reachable; packets that programs write themselves still leave";
  throw new AppError("NOT_ALLOWED", rest, { remedy: "install nftables, and let the agent run as root" });
}

/** An address, or a network that is no more than a part of the world. The text becomes a rule: nothing else may stand in it. */
export function isNetwork(text: string): boolean {
  const [address = "", prefix, ...more] = text.split("/");
  const family = isIP(address);
  if (family === 0 || more.length > 0 || address.includes("%")) return false;
  if (prefix === undefined) return true;
  const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : 0;
  return bits >= 8 && bits <= (family === 4 ? 32 : 128);
}

/** All at once: nft applies a file as one transaction, so there is no moment without rules. */
function rules(addresses: readonly string[], interfaces: readonly string[]): string {
  const four = addresses.filter((address) => isIP(address.split("/")[0] ?? "") === 4);
  const six = addresses.filter((address) => isIP(address.split("/")[0] ?? "") === 6);
  const allow = (side: "saddr" | "daddr"): string[] => [
    ...(four.length === 0 ? [] : [`ip ${side} { ${four.join(", ")} } accept`]),
    ...(six.length === 0 ? [] : [`ip6 ${side} { ${six.join(", ")} } accept`]),
  ];
  // Addresses and neighbours have to be found, or not even the server is reached: DHCP, ARP, IPv6 neighbour discovery.
  const needed = [
    "udp dport { 67, 547 } accept",
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } accept",
  ];
  const neededIn = ["udp dport { 68, 546 } accept", needed[1] ?? ""];
  const chain = (name: string, lines: readonly string[]): string =>
    `  chain ${name} {\n    type filter hook ${name} priority -300; policy drop;\n${lines.map((line) => `    ${line}\n`).join("")}  }\n`;
  const inet = [
    // Made, so that deleting it works whether it was there or not.
    `table inet ${table}`,
    `delete table inet ${table}`,
    `table inet ${table} {`,
    chain("input", ['iifname "lo" accept', ...neededIn, ...allow("saddr")]),
    chain("output", ['oifname "lo" accept', ...needed, ...allow("daddr")]),
    chain("forward", []),
    "}",
  ];
  const egress = interfaces.map(
    (name, at) =>
      `  chain out${at} {\n    type filter hook egress device "${name}" priority -300; policy drop;\n${[
        "ether type arp accept",
        ...needed,
        ...allow("daddr"),
      ]
        .map((line) => `    ${line}\n`)
        .join("")}  }`,
  );
  const netdev =
    egress.length === 0
      ? []
      : [`table netdev ${table}`, `delete table netdev ${table}`, `table netdev ${table} {`, ...egress, "}"];
  return `${[...inet, ...netdev].join("\n")}\n`;
}

/** Also those that have no address: a program that writes its own packets needs none. */
const outward = (): readonly string[] =>
  readFileSync("/proc/self/net/dev", "utf8")
    .split("\n")
    .map((line) => /^\s*([\w.@-]+):/.exec(line)?.[1] ?? "")
    .filter((name) => name !== "" && name !== "lo");

/** Takes exactly our own rules away. */
export function reconnect(): void {
  for (const family of ["inet", "netdev"]) {
    if (listed(family) === undefined) continue;
    const why = nft(`delete table ${family} ${table}\n`);
    if (why !== undefined) throw new AppError("NOT_ALLOWED", why);
  }
}

export const hasRules = (): boolean => listed("inet") !== undefined;

/** An interface that came later has no chain at its way out. */
function coversInterfaces(): boolean {
  const text = listed("netdev");
  return text === undefined || outward().every((name) => text.includes(`device "${name}"`));
}

function listed(family: string): string | undefined {
  const done = spawnSync("nft", ["list", "table", family, table], { encoding: "utf8" });
  return done.status === 0 ? done.stdout : undefined;
}

/** Tries an address that is not allowed: the kernel's own refusal (EPERM) is the proof that the rules hold. */
export function isCut(): Promise<boolean> {
  if (!hasRules() || !coversInterfaces()) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    const end = (is: boolean): void => {
      socket.close();
      resolve(is);
    };
    socket.on("error", () => undefined);
    socket.send("provost", 9, forbidden, (cause) => {
      const code = cause !== null && "code" in cause ? cause.code : undefined;
      // Without a way there nothing leaves either, and the rules are in place.
      end(code === "EPERM" || code === "ENETUNREACH");
    });
  });
}

/** Returns why it was refused; then nothing has changed. */
function nft(text: string): string | undefined {
  const done = spawnSync("nft", ["-f", "-"], { input: text, encoding: "utf8" });
  if (done.error !== undefined) return `nft cannot be run: ${done.error.message}`;
  return done.status === 0 ? undefined : `nft refused the rules: ${done.stderr.trim().slice(0, 500)}`;
}

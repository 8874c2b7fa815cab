/**
 * A remote as an address that anybody may read: without user and password, which CI systems write into it, and an ssh remote by the
 * https name of the same repository.
 */
export function repositoryUrl(remote: string): string | undefined {
  const scp = /^(?:[^@/:]+@)?([A-Za-z0-9.-]+):(?!\/\/)\/?([^\s]+)$/.exec(remote);
  const text = scp === null ? remote : `https://${scp[1] ?? ""}/${scp[2] ?? ""}`;
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, port, pathname } = new URL(text);
  if (!/^(?:https?|ssh|git):$/.test(protocol) || hostname === "") return undefined;
  const host = protocol.startsWith("http") && port !== "" ? `${hostname}:${port}` : hostname;
  return `${protocol === "http:" ? "http" : "https"}://${host}${pathname.replace(/\.git$/, "").replace(/\/$/, "")}`;
}

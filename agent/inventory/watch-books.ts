import { existsSync } from "node:fs";

const settleMs = 4000;

/** Files whose change means that something was installed or removed, or that apt trusts something else. */
const books = [
  "/var/lib/dpkg/status",
  "/var/lib/dpkg/diversions",
  "/etc/apt/sources.list",
  "/etc/apt/sources.list.d",
  "/etc/apt/trusted.gpg.d",
];

/** Calls `changed` once a package transaction has settled. chokidar watches the handful of files; loaded after the first pass. */
export function watchBooks(changed: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let close: (() => Promise<void>) | undefined;
  const settle = (): void => {
    clearTimeout(timer);
    timer = setTimeout(changed, settleMs);
  };
  const start = async (): Promise<void> => {
    const { watch } = await import("chokidar");
    if (closed) return;
    const watcher = watch(books.filter(existsSync), { ignoreInitial: true, depth: 1, persistent: true });
    watcher.on("all", settle);
    watcher.on("error", () => undefined);
    close = () => watcher.close();
  };
  void start();
  return () => {
    closed = true;
    clearTimeout(timer);
    void close?.();
  };
}

import { existsSync } from "node:fs";

/** Files and folders whose change means that something was installed or removed, or that apt trusts something else. */
const itsBooks = [
  "/var/lib/dpkg/status",
  "/var/lib/dpkg/diversions",
  "/etc/apt/sources.list",
  "/etc/apt/sources.list.d",
  "/etc/apt/trusted.gpg.d",
];

export interface Pace {
  readonly books: readonly string[];
  /** A package transaction is one thing: so long after its last change. */
  readonly settleMs: number;
  /** A sensor has answered by then, where one answers at all. */
  readonly lookEveryMs: number;
}

const usual: Pace = { books: itsBooks, settleMs: 4000, lookEveryMs: 10_000 };

export interface BookWatch {
  /** Somebody who sees every change saw one. */
  changed(path: string): void;
  close(): void;
}

/**
 * Calls `changed` once a package transaction has settled. `isTold`: whether a sensor tells of every change; undefined where there is none.
 * While nobody tells, chokidar watches the handful of files: it costs 5 MB of memory, so it is loaded only then.
 */
export function watchBooks(
  changed: () => void,
  isTold?: () => boolean,
  { books, settleMs, lookEveryMs }: Pace = usual,
): BookWatch {
  let settling: NodeJS.Timeout | undefined;
  let isClosed = false;
  let watcher: Promise<{ close(): Promise<void> }> | undefined;
  let wasTold = false;

  const settle = (): void => {
    clearTimeout(settling);
    if (!isClosed) settling = setTimeout(changed, settleMs);
  };
  const look = (): void => {
    const told = isTold?.() === true;
    if (told && watcher !== undefined) {
      void watcher.then((one) => one.close());
      watcher = undefined;
    }
    if (!told) watcher ??= open(books, settle);
    // Between the sensor's last word and this look something may have changed.
    if (wasTold && !told) settle();
    wasTold = told;
  };
  const timer = isTold === undefined ? undefined : setInterval(look, lookEveryMs);
  if (isTold === undefined) look();

  return {
    changed(path) {
      if (books.some((book) => path === book || path.startsWith(`${book}/`))) settle();
    },
    close() {
      isClosed = true;
      clearInterval(timer);
      clearTimeout(settling);
      void watcher?.then((one) => one.close());
    },
  };
}

async function open(books: readonly string[], settle: () => void): Promise<{ close(): Promise<void> }> {
  const { watch } = await import("chokidar");
  const watcher = watch(books.filter(existsSync), { ignoreInitial: true, depth: 1, persistent: true });
  watcher.on("all", settle);
  watcher.on("error", () => undefined);
  return watcher;
}

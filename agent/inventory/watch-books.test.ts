import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { watchBooks } from "./watch-books.ts";
import type { BookWatch } from "./watch-books.ts";

let folder = "";
let watch: BookWatch | undefined;

function scene(isTold?: () => boolean) {
  folder = mkdtempSync(join(tmpdir(), "books-"));
  const book = join(folder, "status");
  writeFileSync(book, "before");
  const changed = vi.fn<() => void>();
  watch = watchBooks(changed, isTold, { books: [book], settleMs: 50, lookEveryMs: 20 });
  return { book, changed, watch };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

afterEach(() => {
  watch?.close();
  rmSync(folder, { recursive: true, force: true });
});

test("without a sensor a changed book is seen on the disk", async () => {
  const { book, changed } = scene();
  await vi.waitFor(
    () => {
      writeFileSync(book, String(Math.random()));
      expect(changed).toHaveBeenCalled();
    },
    { timeout: 5000, interval: 200 },
  );
});

test("what a sensor tells is taken from it: several changes of one transaction are one, and other files are none", async () => {
  const { book, changed, watch: it } = scene(() => true);
  it.changed("/etc/hosts");
  await pause(120);
  expect(changed).not.toHaveBeenCalled();
  for (let times = 0; times < 5; times += 1) it.changed(book);
  await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(1));
  // The disk is not watched beside it.
  writeFileSync(book, "changed");
  await pause(200);
  expect(changed).toHaveBeenCalledTimes(1);
});

test("a sensor that falls silent may have missed one; from then on the disk is watched", async () => {
  let isTold = true;
  const { book, changed } = scene(() => isTold);
  await pause(60);
  expect(changed).not.toHaveBeenCalled();
  isTold = false;
  await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(1));
  await vi.waitFor(
    () => {
      writeFileSync(book, String(Math.random()));
      expect(changed.mock.calls.length).toBeGreaterThan(1);
    },
    { timeout: 5000, interval: 200 },
  );
});

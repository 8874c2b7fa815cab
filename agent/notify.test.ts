import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { openNotify } from "./notify.ts";

const folder = mkdtempSync(join(tmpdir(), "provost-notify-"));
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

test("a gate that refuses systemd-notify does not end the daemon", () => {
  // No interpreter of that name: the kernel refuses it, as it refuses what a gate stops, and Node throws.
  const program = join(folder, "systemd-notify");
  writeFileSync(program, Buffer.from("\x7fELF and nothing behind it"));
  chmodSync(program, 0o755);
  vi.stubEnv("PATH", folder);
  const notify = openNotify({ NOTIFY_SOCKET: "/nowhere" });
  expect(() => notify.ready("serving")).not.toThrow();
});

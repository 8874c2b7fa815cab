import { spawn } from "node:child_process";
import { readlinkSync } from "node:fs";
import { AppError } from "@provost/shared/lib/app-error.ts";

/** In which network the lab was asked for; the lab itself runs in another. */
const askedIn = "PROVOST_LAB_ASKED_IN";
const network = (): string => readlinkSync("/proc/self/ns/net");

/** A lab's agent may be ordered to isolate its host: that must never be this machine. */
export function isAlone(): boolean {
  const from = process.env[askedIn];
  return from !== undefined && from !== "" && from !== network();
}

/** This same command line once more, in a network of its own with loopback only. Resolves with its exit code; rejects where it cannot be had. */
export function againAlone(stop: AbortSignal): Promise<number> {
  const child = spawn(
    "unshare",
    ["--net", "--", "sh", "-c", `ip link set lo up && exec "$@"`, "sh", process.execPath].concat(
      process.execArgv,
      process.argv.slice(1),
    ),
    { stdio: "inherit", env: { ...process.env, [askedIn]: network() } },
  );
  const end = (): void => void child.kill("SIGTERM");
  stop.addEventListener("abort", end);
  return new Promise((resolve, reject) => {
    child.on("error", (cause) =>
      reject(
        new AppError("NOT_FOUND", `the lab needs a network of its own: ${cause.message}`, {
          remedy: "install the packages util-linux and iproute2",
        }),
      ),
    );
    child.on("exit", (code) => {
      stop.removeEventListener("abort", end);
      resolve(code ?? 1);
    });
  });
}

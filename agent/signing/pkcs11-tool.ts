import { spawn } from "node:child_process";
import type { KeyEnvironment } from "./key-environment.ts";
import type { Pkcs11Key } from "./pkcs11-uri.ts";
import { signingFailed } from "./signing-failed.ts";

/** What OpenSC's pkcs11-tool prints when it does this with that key. Throws SIGNING_FAILED in its own words. */
export async function runPkcs11Tool(
  { module, token }: Pick<Pkcs11Key, "module" | "token">,
  pin: string | undefined,
  args: readonly string[],
  env: KeyEnvironment["env"],
): Promise<string> {
  const all = [
    "--module",
    module,
    ...(token === undefined ? [] : ["--token-label", token]),
    // "If set to env:VARIABLE, the value of the environment variable VARIABLE is used" (pkcs11-tool(1), --pin).
    ...(pin === undefined ? [] : ["--login", "--pin", `env:${pinVariable}`]),
    ...args,
  ];
  const { code, out, said } = await started(all, { ...env, ...(pin === undefined ? {} : { [pinVariable]: pin }) });
  if (code === 0) return out;
  const lines = said.split("\n").filter((line) => line.trim() !== "" && line !== "Aborting.");
  throw signingFailed(
    `pkcs11-tool could not use the key: ${lines.at(-1)?.slice(0, 300) ?? `it ended with ${code}`}`,
    "check the token, the label or id, and the PIN (PROVOST_PKCS11_PIN or pin-source)",
  );
}

const pinVariable = "PROVOST_PKCS11_TOOL_PIN";

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly said: string;
}

function started(args: readonly string[], env: KeyEnvironment["env"]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn("pkcs11-tool", args, {
      env: { ...env, LC_ALL: "C" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: toolMilliseconds,
    });
    const texts = { out: "", said: "" };
    child.stdout.on("data", (chunk: Buffer) => (texts.out = (texts.out + chunk.toString("utf8")).slice(-maxOutput)));
    child.stderr.on("data", (chunk: Buffer) => (texts.said = (texts.said + chunk.toString("utf8")).slice(-maxOutput)));
    child.on("error", (cause) =>
      reject(signingFailed("pkcs11-tool cannot be started", "install OpenSC: apt-get install opensc", cause)),
    );
    child.on("close", (code) => resolve({ code: code ?? -1, ...texts }));
  });
}

const toolMilliseconds = 60_000;
const maxOutput = 64 * 1024;

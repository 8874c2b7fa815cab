import { AppError } from "@provost/shared/lib/app-error.ts";

/** "http://proxy.example:3128", with "user:password@" where the proxy asks for them. */
export function proxyAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" && url.hostname !== "" && ["", "/"].includes(url.pathname)) return url;
  throw new AppError(
    "CONFIG_INVALID",
    `proxy: wanted an address such as http://proxy.example:3128, got ${text.slice(0, 100)}`,
  );
}

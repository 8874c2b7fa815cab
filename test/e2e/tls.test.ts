/** Agent and server over TLS: what a certificate in between, a new one, or none that fits does. */
import { X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import type { TLSSocket } from "node:tls";
import { afterAll, afterEach, expect, test } from "vitest";
import { openLink } from "../../agent/link/link.ts";
import { openState } from "../../agent/state/state.ts";
import { ownCertificate } from "../../server/tls/own-certificate.ts";
import { openWorld, until } from "../support/server-world.ts";
import type { World } from "../support/server-world.ts";

const scratch = mkdtempSync(join(tmpdir(), "provost-tls-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function world(options: Parameters<typeof openWorld>[0] = { tls: { tls: "own" } }): Promise<World> {
  const opened = await openWorld(options);
  closers.push(() => opened.close());
  return opened;
}

let agents = 0;
function agent(url: string, token: string) {
  const folder = join(scratch, `agent-${(agents += 1)}`);
  mkdirSync(folder);
  const state = openState(folder);
  const heard = { opened: "", lost: "", final: false };
  const nothing = (): void => undefined;
  const link = openLink(
    state,
    { url, name: "device", token },
    {
      opened: (device) => (heard.opened = device),
      drained: nothing,
      proof: nothing,
      attested: nothing,
      trust: nothing,
      policy: nothing,
      command: nothing,
      triage: () => undefined,
      retell: nothing,
      lost: (why, final) => Object.assign(heard, { lost: why, final }),
    },
  );
  closers.push(() => {
    link.close();
    state.close();
  });
  return heard;
}

const agentUrl = (address: string): string => `${address.replace(/^https/, "wss")}/agent`;
const portOf = (address: string): number => Number(new URL(address).port);

test("a server makes its own authority and certificate, and an agent enrols over TLS with the token alone", async () => {
  const server = await world();
  expect(server.address).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  const heard = agent(agentUrl(server.address), server.token());
  await until(() => heard.opened !== "", "the session");
  expect(server.edge.online.size).toBe(1);
  expect(statSync(join(server.folder, "tls/authority.key")).mode & 0o777).toBe(0o600);
  expect(statSync(join(server.folder, "tls/server.key")).mode & 0o777).toBe(0o600);
});

test("a browser that believes the authority is answered, with the name checked and the session cookie kept to TLS", async () => {
  const server = await world({ tls: { tls: "own" }, names: ["provost.example"] });
  const ca = readFileSync(join(server.folder, "tls/authority.crt"), "utf8");
  const answer = await new Promise<{ status: number; hsts: unknown }>((resolve, reject) => {
    const asked = request(
      {
        host: "127.0.0.1",
        port: portOf(server.address),
        path: "/api/v1/session",
        ca,
        servername: "provost.example",
        headers: { host: "provost.example" },
      },
      (reply) => {
        reply.resume();
        resolve({ status: reply.statusCode ?? 0, hsts: reply.headers["strict-transport-security"] });
      },
    );
    asked.on("error", reject).end();
  });
  expect(answer).toEqual({ status: 401, hsts: "max-age=31536000" });
});

test("somebody who ends TLS in between, with whatever certificate, does not get past the greeting", async () => {
  const server = await world();
  const own = await ownCertificate(join(scratch, "in-between"), ["127.0.0.1"], Date.now());
  const between = createServer({ cert: own.cert, key: own.key }, (near: TLSSocket) => {
    const far = connect({ host: "127.0.0.1", port: portOf(server.address), rejectUnauthorized: false });
    near.pipe(far).on("error", () => near.destroy());
    far.pipe(near).on("error", () => far.destroy());
  });
  await new Promise<void>((resolve) => between.listen(0, "127.0.0.1", resolve));
  closers.push(() => between.close());
  const at = between.address();
  const heard = agent(`wss://127.0.0.1:${typeof at === "object" && at !== null ? at.port : 0}/agent`, server.token());
  await until(() => heard.lost !== "", "the refusal");
  expect(heard.lost).toMatch(
    /SERVER_NOT_TRUSTED: the server did not sign the certificate that this connection was shown/,
  );
  expect(heard.final).toBe(true);
  expect(heard.opened).toBe("");
});

test("a certificate made anew needs nothing on the devices", async () => {
  const folder = mkdtempSync(join(tmpdir(), "provost-tls-server-"));
  closers.push(() => rmSync(folder, { recursive: true, force: true }));
  const first = await openWorld({ folder, tls: { tls: "own" } });
  const token = first.token();
  const before = new X509Certificate(readFileSync(join(folder, "tls/server.crt"))).fingerprint256;
  await first.close();
  const second = await openWorld({ folder, tls: { tls: "own" }, names: ["another.example"] });
  closers.push(() => second.close());
  const after = new X509Certificate(readFileSync(join(folder, "tls/server.crt"))).fingerprint256;
  expect(after).not.toBe(before);
  const heard = agent(agentUrl(second.address.replace("another.example", "127.0.0.1")), token);
  await until(() => heard.opened !== "", "the session");
});

test("given files are used, and those that do not fit are named", async () => {
  const own = await ownCertificate(join(scratch, "given"), ["127.0.0.1"], Date.now());
  const other = await ownCertificate(join(scratch, "other"), ["127.0.0.1"], Date.now());
  const [cert, key, wrongKey, broken] = ["given.crt", "given.key", "other.key", "broken.crt"].map((name) =>
    join(scratch, name),
  ) as [string, string, string, string];
  writeFileSync(cert, own.cert);
  writeFileSync(key, own.key);
  writeFileSync(wrongKey, other.key);
  writeFileSync(broken, own.cert.slice(0, 200));
  const server = await world({ tls: { tlsCertificate: cert, tlsKey: key } });
  const heard = agent(agentUrl(server.address), server.token());
  await until(() => heard.opened !== "", "the session");
  const attempt = (tls: { tlsCertificate: string; tlsKey: string }) => openWorld({ tls });
  await expect(attempt({ tlsCertificate: cert, tlsKey: wrongKey })).rejects.toThrow(
    `${wrongKey} is not the key of ${cert}`,
  );
  await expect(attempt({ tlsCertificate: broken, tlsKey: key })).rejects.toThrow(/holds no certificate in PEM/);
  await expect(attempt({ tlsCertificate: join(scratch, "absent"), tlsKey: key })).rejects.toThrow(
    /absent cannot be read/,
  );
  await expect(attempt({ tlsCertificate: cert, tlsKey: broken })).rejects.toThrow(/holds no private key in PEM/);
});

test("plain ws is refused by a server with TLS, and the agent says that it cannot reach it", async () => {
  const server = await world();
  const heard = agent(`ws://127.0.0.1:${portOf(server.address)}/agent`, server.token());
  await until(() => heard.lost !== "", "the refusal");
  expect(heard.lost).toMatch(/SERVER_UNREACHABLE/);
  expect(heard.final).toBe(false);
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { expect, test } from "vitest";
import { Problem } from "@provost/shared/protocol/api.ts";
import { Received } from "@provost/shared/protocol/library-api.ts";
import { openLibraryWorld } from "../../test/support/library-world.ts";
import { json, openLoopback } from "../../test/support/loopback.ts";
import { digestText, provenanceEnvelope } from "../../test/support/statements.ts";

test("a CI job adds what its rule allows with its own identity, and nothing else", async () => {
  const issuer = await openLoopback();
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  issuer.routes.set(
    "/.well-known/openid-configuration",
    json({ issuer: issuer.address, jwks_uri: `${issuer.address}/keys` }),
  );
  issuer.routes.set("/keys", json({ keys: [{ ...(await exportJWK(publicKey)), kid: "one" }] }));
  const folder = mkdtempSync(join(tmpdir(), "provost-ci-"));
  const library = join(folder, "library.yaml");
  writeFileSync(
    library,
    `issuers:
  - name: Forge
    issuer: ${issuer.address}
    privateNetwork: true
    audience: https://provost.example
    claims: { repository: { exact: o/r }, ref: { pattern: "refs/tags/.+" } }
    scopes: [documents:write]
    limits: { repository: { exact: github.com/o/r } }
`,
  );
  const scene = await openLibraryWorld({ library });
  try {
    const token = (ref: string) =>
      new SignJWT({ repository: "o/r", ref, sub: "repo:o/r" })
        .setProtectedHeader({ alg: "ES256", kid: "one" })
        .setIssuer(issuer.address)
        .setAudience("https://provost.example")
        .setIssuedAt()
        .setExpirationTime("5m")
        .sign(privateKey);
    const tagged = await token("refs/tags/v1");
    const own = await scene.machine(tagged, "POST", "/api/v1/documents", provenanceEnvelope(digestText("a"), "o/r"));
    expect([own.status, Received.parse(own.json).added]).toEqual([200, 1]);
    const other = await scene.machine(tagged, "POST", "/api/v1/documents", provenanceEnvelope(digestText("a"), "o/x"));
    expect(Received.parse(other.json).documents).toMatchObject([{ outcome: "refused", code: "NOT_ALLOWED" }]);
    const read = await scene.machine(tagged, "GET", "/api/v1/documents");
    expect([read.status, Problem.parse(read.json).code]).toEqual([403, "NOT_ALLOWED"]);
    const branch = await scene.machine(await token("refs/heads/main"), "POST", "/api/v1/documents", "{}");
    expect([branch.status, Problem.parse(branch.json).detail]).toEqual([401, expect.stringContaining("claim ref")]);
    expect(scene.world.said.join("\n")).toContain("library: Forge repo:o/r uploaded 1 new");
    expect(scene.world.said.join("\n")).not.toContain(tagged);
  } finally {
    await scene.close();
    await issuer.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

import { expect, test } from "vitest";
import { forgeBundle, type BundleParts } from "../../../test/support/sigstore/forge-bundle.ts";
import {
  authorityDocument,
  names,
  sigstoreInstance,
  signedAt,
  trustedRoot,
  type Instance,
} from "../../../test/support/sigstore/instance.ts";
import { program, readForged, said, type Asked } from "../../../test/support/sigstore/read-forged.ts";
import { extensions, usages } from "../../../test/support/sigstore/write-certificate.ts";
import { timestampResponse, type TimestampRequest } from "../../../test/support/sigstore/write-timestamp.ts";
import { inside, readDer } from "../x509/der.ts";
import { readToken } from "../x509/timestamp-token.ts";

const instance = sigstoreInstance();
const other = sigstoreInstance();
const tiles = [{ log: "tiles" }] as const;
const stamped = (...stamps: readonly Partial<TimestampRequest>[]): BundleParts => ({ entries: tiles, stamps });
const outcome = async (parts: BundleParts, asked: Asked = {}, by: Instance = instance): Promise<string> =>
  said(await readForged(by, forgeBundle(by, parts), asked));
const { clock, root } = instance.certificates;

test.each<[string, readonly Partial<TimestampRequest>[], string]>([
  ["by a clock of the root", [{}], "claims"],
  ["over SHA-384", [{ digest: "sha384" }], "claims"],
  ["with the clock's certificate beside it", [{ beside: [clock] }], "claims"],
  ["with the whole chain beside it", [{ beside: [clock, root] }], "claims"],
  [
    "of version 1 when nobody wrote that any more",
    [{ version: 1 }],
    "unchecked unsupported: the timestamp is not of version 3",
  ],
  ["of version 4", [{ version: 4 }], "unchecked unsupported: the timestamp is not of version 1 or 3"],
  ["over SHA-1", [{ digest: "sha1" }], "unchecked unsupported: the digest SHA-1 is not accepted"],
  [
    "of another signature",
    [{ stamped: Buffer.from("x") }],
    "refuted forged: the timestamp was made for another signature",
  ],
  [
    "whose content is not what was signed",
    [{ signedContent: Buffer.from("x") }],
    "refuted forged: the timestamp's content is not what was signed",
  ],
  [
    "with a critical extension",
    [{ criticalExtension: true }],
    "unchecked unsupported: the timestamp has a critical extension",
  ],
  [
    "by another key under the clock's name",
    [{ by: other.clock }],
    "refuted forged: the timestamp's signature does not verify",
  ],
  [
    "that names another certificate",
    [{ certificate: other.certificates.clock }],
    "refuted forged: the timestamp names another certificate",
  ],
  [
    "by a clock nobody named",
    [{ serial: 9 }],
    "unchecked stale-trust: its timestamp comes from an authority that the trust document does not name",
  ],
  [
    "with a stranger's certificate beside it",
    [{ beside: [other.certificates.clock] }],
    "unchecked unreadable: the timestamp carries certificates that play no part",
  ],
  [
    "after the certificate's end",
    [{ at: signedAt + 3_000_000 }],
    "refuted forged: a certificate of the chain was not valid at the time of signing",
  ],
  [
    "in the year 9999, which its clock does not reach",
    [{ at: Date.parse("9999-12-31T23:59:59Z") }],
    "refuted forged: a certificate of the chain was not valid at the time of signing",
  ],
  [
    "years ahead of the question",
    [{ at: Date.parse("2031-01-01T00:00:00Z") }],
    "unchecked no-time-proof: it was signed after the time it is judged at",
  ],
  [
    "twice, the second after the certificate's end",
    [{}, { at: signedAt + 3_000_000 }],
    "refuted forged: a certificate of the chain was not valid at the time of signing",
  ],
  ["twice, at two times the certificate covers", [{}, { at: signedAt + 2000 }], "claims"],
])("a timestamp %s", async (_name, stamps, expected) => {
  expect(await outcome(stamped(...stamps))).toContain(expected);
});

test("version 1 is read for the time in which GitHub's clock wrote it", () => {
  const stampedAt = (at: number): number => {
    const response = timestampResponse({
      stamped: program,
      at,
      by: instance.clock,
      certificate: clock,
      issuer: names.root,
      version: 1,
    });
    const [, token] = inside(readDer(response));
    return token === undefined ? 0 : readToken(token, program).at;
  };
  const last = Date.parse("2023-12-31T23:59:59Z");
  expect(stampedAt(last)).toBe(last);
  expect(() => stampedAt(last + 1000)).toThrow("the timestamp is not of version 3");
});

test("the same timestamp twice adds nothing", async () => {
  const bundle = forgeBundle(instance, stamped({}));
  const material = bundle["verificationMaterial"] as Record<string, unknown>;
  const { rfc3161Timestamps: list } = material["timestampVerificationData"] as { rfc3161Timestamps: unknown[] };
  const twice = { ...material, timestampVerificationData: { rfc3161Timestamps: [...list, ...list] } };
  expect(said(await readForged(instance, { ...bundle, verificationMaterial: twice }))).toContain("twice");
});

test("33 timestamps are more than a bundle may bring", async () => {
  const stamps = Array.from({ length: 33 }, (_, at) => ({ at: signedAt + at * 1000 }));
  expect(await outcome(stamped(...stamps))).toContain("unchecked unreadable: the bundle is malformed");
});

test.each<[string, readonly Buffer[]]>([
  ["for another use", [extensions.extendedUsage(usages.codeSigning)]],
  ["for time stamping among others", [extensions.extendedUsage(usages.timeStamping, usages.codeSigning)]],
  ["for time stamping, in a way that may be passed over", [extensions.extendedUsage(usages.timeStamping)]],
  ["for nothing it says", []],
])("a clock's certificate %s stamps nothing", async (_name, list) => {
  const by = sigstoreInstance({ clock: { extensions: list } });
  expect(await outcome(stamped({}), {}, by)).toContain(
    "refuted forged: the timestamp's certificate is not for time stamping",
  );
});

test("a clock whose own certificate had ended stamps nothing", async () => {
  const by = sigstoreInstance({ clock: { until: signedAt - 1000 } });
  expect(await outcome(stamped({}), {}, by)).toContain("refuted forged: a certificate of the chain was not valid");
});

const clocks = (...documents: readonly unknown[]): Asked => ({
  root: trustedRoot(instance, { timestampAuthorities: documents }),
});
const until = (end: number): Record<string, unknown> => ({
  ...authorityDocument("https://clock.example", clock, root),
  validFor: { start: "2025-01-01T00:00:00Z", end: new Date(end).toISOString() },
});
const second = Math.floor(signedAt / 1000) * 1000;

test.each<[string, Asked, string]>([
  [
    "ended before",
    clocks(until(second - 1)),
    "refuted forged: its certificate's authority was not trusted at the time of signing",
  ],
  ["ended with the stamp", clocks(until(second)), "claims"],
  [
    "ended before, while another's still runs",
    clocks(
      until(second - 1),
      authorityDocument("https://other.example", other.certificates.clock, other.certificates.root),
    ),
    "refuted forged: its certificate's authority was not trusted at the time of signing",
  ],
  [
    "is named for two windows",
    clocks(until(second - 1), authorityDocument("https://clock.example", clock, root)),
    "claims",
  ],
])("a clock whose window %s", async (_name, asked, expected) => {
  expect(await outcome(stamped({}), asked)).toContain(expected);
});

test("a root that names the clock's issuer alone takes the certificate from the timestamp", async () => {
  const issuerOnly = clocks(authorityDocument("https://clock.example", root));
  expect(await outcome(stamped({ beside: [clock] }), issuerOnly)).toContain("claims");
  expect(await outcome(stamped({}), issuerOnly)).toContain(
    "unchecked stale-trust: its timestamp comes from an authority",
  );
  const theirs = { by: other.clock, certificate: other.certificates.clock, beside: [other.certificates.clock] };
  expect(await outcome(stamped(theirs), issuerOnly)).toContain(
    "refuted forged: a certificate's signature by its issuer does not verify",
  );
});

test("a clock named without an issuer is refused with its root", async () => {
  await expect(outcome(stamped({}), clocks(authorityDocument("https://clock.example", clock)))).rejects.toThrow(
    "a timestamp authority needs its certificate and its issuer",
  );
});

test("an instance whose root names no log at all is believed by its clock", async () => {
  const alone: Asked = { root: trustedRoot(instance, { tlogs: [], ctlogs: [] }) };
  const without: BundleParts = { entries: [], stamps: [{}], leaf: { withoutStamp: true } };
  expect(await outcome(without, alone)).toBe("claims claimed");
  expect(await outcome({ ...without, stamps: [] }, alone)).toContain(
    "unchecked no-time-proof: nothing proves when it was signed",
  );
  expect(await outcome(without)).toContain("refuted forged: its certificate carries no certificate-log timestamp");
  const half: Asked = { root: trustedRoot(instance, { tlogs: [] }) };
  expect(await outcome({ ...without, leaf: {} }, half)).toContain(
    "unchecked unreachable: no transparency log entry comes with it",
  );
});

import { hash } from "node:crypto";
import { base64Bytes } from "../../../lib/strict-base64.ts";
import type { Claim } from "../../../model/verdict.ts";
import { claimOf } from "../../claims.ts";
import { headText } from "../../document-head.ts";
import type { Evidence, ProvenanceFormat, Question } from "../../format.ts";
import { settle, signatureCheck } from "../../keys/signature-check.ts";
import { Refusal, unknownToTrust, unreadable, unsupported } from "../../refusal.ts";
import { reading } from "../../reading.ts";
import { requireInWindow } from "../../sigstore/read-signature.ts";
import type { Trust } from "../../trust.ts";

/**
 * minisign (and signify) signatures beside a file. The key's id is its eight bytes in hexadecimal, as `minisign -G` prints it. The
 * signature is over the file's bytes or their BLAKE2b-512, so the bytes are needed; a digest of ours does not do.
 */
export const minisign: ProvenanceFormat<Trust> = {
  id: "minisign",
  recognises: ({ bytes }) => headText(bytes, 19) === "untrusted comment: ",
  read: (evidence, question) => reading(question, () => [claimIn(evidence, question)]),
  about: ({ bytes }) => [{ keyIds: [signatureIn(bytes).keyId] }],
};

function claimIn(evidence: Evidence, question: Question<Trust>): Claim {
  const { subject, trust, now } = question;
  const { legacy, keyId, signature, comment, globalSignature } = signatureIn(evidence.bytes);
  const key = trust.keys.find((one) => one.id.toUpperCase() === keyId && one.uses.has("minisign"));
  if (key === undefined)
    throw unknownToTrust(
      `it is signed by the minisign key ${keyId}, which the trust document does not hold`,
      "the publisher's minisign key",
    );
  if (key.key.scheme !== "ed25519") throw unsupported("a minisign key is an Ed25519 key");
  if (subject.bytes === undefined)
    throw new Refusal(
      "unreachable",
      "a minisign signature is made over the file itself",
      "the bytes of the file, not its digest alone",
    );
  const signed = legacy ? subject.bytes : hash("blake2b512", subject.bytes, "buffer");
  settle([
    signatureCheck("the minisign signature", key.key, signed, signature),
    ...(globalSignature === undefined
      ? []
      : [
          signatureCheck(
            "the signature over the trusted comment",
            key.key,
            Buffer.concat([signature, comment]),
            globalSignature,
          ),
        ]),
  ]);
  requireInWindow(key, [], now);
  const signer = { kind: "key", keyId: key.id, name: key.name, fingerprint: key.key.fingerprint } as const;
  return claimOf({ format: "minisign", signed: { signer, times: [], loggedIn: [] } }, evidence, question);
}

interface MinisignSignature {
  readonly legacy: boolean;
  readonly keyId: string;
  readonly signature: Buffer;
  readonly comment: Buffer;
  readonly globalSignature: Buffer | undefined;
}

/** jedisct1.github.io/minisign, "Signature format": two lines from signify, four from minisign, nothing after. */
function signatureIn(bytes: Uint8Array): MinisignSignature {
  if (bytes.length > maxSignatureBytes)
    throw unreadable(`a minisign signature is larger than ${maxSignatureBytes} bytes`);
  const lines = Buffer.from(bytes)
    .toString("utf8")
    .replace(/\r?\n$/, "")
    .split(/\r?\n/);
  const [, line = "", trusted, global] = lines;
  const packet = base64Bytes(line);
  if (packet?.length !== 74 || (lines.length !== 2 && lines.length !== 4))
    throw unreadable("the minisign signature is malformed");
  const algorithm = packet.subarray(0, 2).toString("latin1");
  if (algorithm !== "Ed" && algorithm !== "ED") throw unsupported("the minisign algorithm is not known");
  const globalSignature = global === undefined ? undefined : base64Bytes(global);
  if (trusted !== undefined && (!trusted.startsWith(prefix) || globalSignature?.length !== 64))
    throw unreadable("the minisign signature's trusted comment is malformed");
  return {
    legacy: algorithm === "Ed",
    // The id is little-endian; people read it most significant byte first.
    keyId: Buffer.from(packet.subarray(2, 10)).reverse().toString("hex").toUpperCase(),
    signature: packet.subarray(10),
    comment: Buffer.from((trusted ?? prefix).slice(prefix.length)),
    globalSignature,
  };
}

const prefix = "trusted comment: ";
const maxSignatureBytes = 16 * 1024;

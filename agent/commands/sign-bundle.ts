import { resolve } from "node:path";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { readStatement } from "@provost/shared/provenance/intoto/statement.ts";
import { asRefusal } from "@provost/shared/provenance/refusal.ts";
import { readDocument } from "../provenance/read-document.ts";
import { maxOwnBytes } from "../provenance/read-json.ts";
import { maxSubjectBytes } from "../provenance/read-subject.ts";
import { sigstoreTrust } from "../provenance/sigstore-trust.ts";
import { keylessSigner } from "../signing/keyless.ts";
import { makeBundle, type Signable } from "../signing/make-bundle.ts";
import { requireHolds } from "../signing/require-holds.ts";
import { servicesFor } from "../signing/where-to-sign.ts";
import { writeWhole } from "../signing/write-whole.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import type { Request } from "./request.ts";
import { jsonLine } from "./terminal.ts";
import { refuseStaging, whoIs } from "./verify-bundle.ts";

export interface SigningQuestion {
  readonly identityToken: string;
  readonly bundle: string;
  readonly trustedRoot?: string;
  readonly signingConfig?: string;
  readonly staging?: boolean;
  readonly inToto?: boolean;
}

/** `provost sign-bundle`: signs a file, or with --in-toto a statement, keyless; what it wrote holds under the trusted root. */
export async function signBundle(request: Request, file: string, asked: SigningQuestion): Promise<ExitCode> {
  const path = (name: string): string => resolve(request.cwd, name);
  refuseStaging(asked);
  const trust = sigstoreTrust(asked.trustedRoot === undefined ? undefined : path(asked.trustedRoot));
  const { authority, ...witnesses } = servicesFor(
    asked.signingConfig === undefined ? {} : { signingConfig: path(asked.signingConfig) },
    request.now(),
  );
  const signable = signableIn(path(file), asked.inToto === true);
  const bytes = await makeBundle(signable, await keylessSigner(authority, asked.identityToken), witnesses);
  const { signer } = await requireHolds(bytes, signable, trust, request.now());
  writeWhole(path(asked.bundle), bytes);
  if (request.json) request.terminal.out(jsonLine({ bundle: path(asked.bundle), signer }));
  else request.terminal.out(`signed by ${whoIs(signer)}: ${path(asked.bundle)}`, "good");
  return exitCodes.asWanted;
}

/** The statement's own bytes are signed, letter by letter. */
function signableIn(path: string, inToto: boolean): Signable {
  if (!inToto) return { kind: "file", bytes: readDocument("the file", path, maxSubjectBytes) };
  const payload = readDocument("the statement", path, maxOwnBytes);
  try {
    readStatement(payload);
  } catch (cause) {
    throw new AppError("CONFIG_INVALID", `${path} is no in-toto statement: ${asRefusal(cause).message}`, {
      remedy: "leave --in-toto out to sign the file itself",
    });
  }
  return { kind: "statement", payload };
}

import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import type { AuditQuestion } from "./audit.ts";
import type { Describing } from "./describe-documents.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { Request } from "./request.ts";

/** The verbs about what orders did to this device. */
export interface ContainmentVerbs {
  quarantineList(request: Request): Promise<ExitCode>;
  quarantineRestore(request: Request, subject: string): Promise<ExitCode>;
  auditExport(request: Request): Promise<ExitCode>;
  auditVerify(request: Request, file: string, asked: AuditQuestion): Promise<ExitCode>;
}

export function describeContainment(verbs: ContainmentVerbs, { verb, group, request, end }: Describing): void {
  const quarantine = group("quarantine", "files that an order sealed on this device");
  verb("list", "what lies in the vault, and on whose order", quarantine).action(
    async (_options: object, command: Command) => end(await verbs.quarantineList(request(command))),
  );
  verb("restore", "put a sealed file back, with all that it had (root)", quarantine)
    .argument("<order-or-path-or-digest>", "as provost quarantine list shows it")
    .action(async (subject: string, _options: object, command: Command) =>
      end(await verbs.quarantineRestore(request(command), subject)),
    );
  const audit = group("audit", "what was ordered of this device and what came of it");
  verb("export", "write every entry, one a line, each bound to the one before", audit).action(
    async (_options: object, command: Command) => end(await verbs.auditExport(request(command))),
  );
  verb("verify", "is the chain of an exported audit unbroken; needs no agent", audit)
    .argument("<file>", "as provost audit export wrote it, or as a server's Audit page gave it")
    .option("--last <hash>", "the hash of its newest entry, as the server was told it", hash)
    .option("--holds <hash>", "the hash of an entry that has to be in it: what an earlier export ended with", hash)
    .option("--server <key>", "the name of the server's key that has to have signed it", keyName)
    .action(async (file: string, { last, holds, server }: AuditQuestion, command: Command) =>
      end(
        await verbs.auditVerify(request(command), file, {
          ...(last === undefined ? {} : { last }),
          ...(holds === undefined ? {} : { holds }),
          ...(server === undefined ? {} : { server }),
        }),
      ),
    );
}

function keyName(text: string): string {
  if (/^[A-Za-z0-9_-]{43}$/.test(text)) return text;
  throw new InvalidArgumentError(
    "wanted the 43 characters that the Audit page shows, and an enrolment token ends with.",
  );
}

function hash(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new InvalidArgumentError("wanted the 64 digits of a SHA-256.");
}

import { basename } from "node:path";
import { statSync } from "node:fs";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import { instant, type Instant } from "@provost/shared/model/ids.ts";
import { productVersion } from "@provost/shared/protocol/version.ts";
import type { Bill, BillItem } from "@provost/shared/sbom/bill.ts";
import { sbomLimits } from "@provost/shared/sbom/limits.ts";
import { writeCycloneDx } from "@provost/shared/sbom/write-cyclonedx.ts";
import { writeSpdx2 } from "@provost/shared/sbom/write-spdx2.ts";
import { writeSpdx3 } from "@provost/shared/sbom/write-spdx3.ts";
import { deviceBill } from "../sbom/device-bill.ts";
import { fileBill } from "../sbom/file-bill.ts";
import { folderBill } from "../sbom/folder-bill.ts";
import type { ExitCode } from "./exit-codes.ts";
import { exitCodes } from "./exit-codes.ts";
import { argumentBytes, nameFile, nameFolder } from "./name-file.ts";
import type { Request } from "./request.ts";
import { interrupted } from "./scan.ts";
import { needState } from "./state-reader.ts";
import { jsonPages } from "./terminal.ts";
import { refuse } from "./verify.ts";

export interface SbomOptions {
  readonly format: "cyclonedx" | "spdx";
  readonly specVersion: string | undefined;
  /** RFC 3339; else SOURCE_DATE_EPOCH, else now. */
  readonly timestamp: string | undefined;
  readonly serial: string | undefined;
  readonly sourceDateEpoch: string | undefined;
}

/** `provost sbom [device|FOLDER|FILE]`: a bill of materials on standard output. */
export function sbom(request: Request, subject: string, options: SbomOptions): ExitCode {
  const write = writerOf(options);
  const createdAt = timeOf(options, request.now());
  const serial = options.serial === undefined ? undefined : serialOf(options.serial);
  const { terminal } = request;
  const found = look(request, subject);
  terminal.progress(undefined);
  if (request.stop.aborted) throw interrupted();
  if ("code" in found) return refuse(terminal, found, false);
  if (found.items.length >= sbomLimits.components)
    throw new AppError("LIMIT", `${subject} holds more than the ${sbomLimits.components} parts a document may have`, {
      remedy: "name a folder further down",
    });
  const bill: Bill = {
    ...found,
    createdAt,
    ...(serial === undefined ? {} : { serial }),
    tool: { name: "provost", version: productVersion },
  };
  terminal.outText(jsonPages(write(bill)));
  for (const problem of found.problems.slice(0, shownProblems)) terminal.note(`  not read: ${problem}`, "weak");
  if (found.problems.length > shownProblems)
    terminal.note(`  and ${found.problems.length - shownProblems} more could not be read`, "weak");
  return found.problems.length === 0 ? exitCodes.asWanted : exitCodes.partial;
}

const shownProblems = 5;

interface Looked {
  readonly subject: BillItem;
  readonly items: readonly BillItem[];
  readonly madeFrom: Bill["madeFrom"];
  readonly problems: readonly string[];
}

/** A file or folder named "device" is "./device". */
function look(request: Request, subject: string): Looked | Extract<ReturnType<typeof nameFile>, { ok: false }> {
  if (subject === "device") {
    const state = needState(request.folder);
    try {
      return { ...deviceBill(state), madeFrom: "deployed", problems: [] };
    } finally {
      state.close();
    }
  }
  const [argument = Buffer.from(subject)] = argumentBytes([subject]);
  if (isFolder(argument, request.cwd)) {
    const folder = nameFolder(argument, request.cwd);
    return {
      ...folderBill(folder, (line) => request.terminal.progress(line), request.stop),
      madeFrom: "deployed",
    };
  }
  const named = nameFile(argument, request.cwd);
  return named.ok
    ? { ...fileBill(basename(named.via ?? named.path), named.open), madeFrom: "build", problems: [] }
    : named;
}

function isFolder(argument: Buffer, cwd: string): boolean {
  try {
    return statSync(argument[0] === 0x2f ? argument : Buffer.concat([Buffer.from(`${cwd}/`), argument])).isDirectory();
  } catch {
    return false;
  }
}

function writerOf({ format, specVersion }: SbomOptions): (bill: Bill) => object {
  switch (format) {
    case "cyclonedx":
      if (specVersion === undefined || specVersion === "1.6") return (bill) => writeCycloneDx(bill, "1.6");
      if (specVersion === "1.7") return (bill) => writeCycloneDx(bill, "1.7");
      throw wrong("--spec-version", "1.6 or 1.7 for cyclonedx", specVersion);
    case "spdx":
      if (specVersion === undefined || specVersion === "2.3") return writeSpdx2;
      if (specVersion === "3.0" || specVersion === "3.0.1") return writeSpdx3;
      throw wrong("--spec-version", "2.3 or 3.0.1 for spdx", specVersion);
    default:
      return unreachable(format);
  }
}

/** reproducible-builds.org/specs/source-date-epoch: seconds, written as a decimal number. */
function timeOf({ timestamp, sourceDateEpoch }: SbomOptions, now: number): Instant {
  if (timestamp !== undefined) {
    const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)$/.test(timestamp)
      ? Date.parse(timestamp)
      : Number.NaN;
    if (Number.isNaN(time)) throw wrong("--timestamp", "a time such as 2026-01-31T12:00:00Z", timestamp);
    return instant(time);
  }
  if (sourceDateEpoch === undefined || sourceDateEpoch === "") return instant(now);
  if (!/^\d{1,11}$/.test(sourceDateEpoch)) throw wrong("SOURCE_DATE_EPOCH", "a number of seconds", sourceDateEpoch);
  return instant(Number(sourceDateEpoch) * 1000);
}

function serialOf(text: string): string {
  const uuid = /^(?:urn:uuid:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i.exec(text)?.[1];
  if (uuid === undefined) throw wrong("--serial", "a UUID", text);
  return uuid.toLowerCase();
}

const wrong = (name: string, wanted: string, got: string): AppError =>
  new AppError("CONFIG_INVALID", `${name}: wanted ${wanted}, got ${JSON.stringify(got.slice(0, 100))}`);

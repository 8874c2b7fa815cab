import { Ajv } from "ajv";
import formats from "ajv-formats";
import { fileBill } from "@provost/agent/sbom/file-bill.ts";
import { folderBill } from "@provost/agent/sbom/folder-bill.ts";
import { instant } from "@provost/shared/model/ids.ts";
import type { Bill, BillItem } from "@provost/shared/sbom/bill.ts";
import { readJsonDocument } from "@provost/shared/sbom/read.ts";
import { writeCycloneDx } from "@provost/shared/sbom/write-cyclonedx.ts";
import { writeSpdx2 } from "@provost/shared/sbom/write-spdx2.ts";
import { writeSpdx3 } from "@provost/shared/sbom/write-spdx3.ts";
import { json, sbomVectors, setResult, type CaseResult, type SetResult } from "./vectors.ts";

/** What we write ourselves: CycloneDX by the schema as it is published, word for word, and each format by our reader. */
export function writtenSboms(): Promise<SetResult> {
  const results = Object.entries(bills()).flatMap(([id, bill]) =>
    Object.entries(writers).map(([format, write]): CaseResult => {
      const document = JSON.parse(JSON.stringify(write(bill))) as object;
      const got = [faultOf(format, document), ...oddIn(document, bill.items.length)].filter((one) => one !== "");
      return { id: `${id} as ${format}`, asExpected: got.length === 0, got: got.join("; ") };
    }),
  );
  return Promise.resolve(setResult("written-sboms", results));
}

const writers: Readonly<Record<string, (bill: Bill) => object>> = {
  "cyclonedx 1.6": (bill) => writeCycloneDx(bill, "1.6"),
  "cyclonedx 1.7": (bill) => writeCycloneDx(bill, "1.7"),
  "spdx 2.3": writeSpdx2,
  "spdx 3.0.1": writeSpdx3,
};

function bills(): Readonly<Record<string, Bill>> {
  const about = { createdAt: instant(0), tool: { name: "provost", version: "0" } } as const;
  const item = (ref: string, more: Partial<BillItem>): BillItem => ({
    ref,
    kind: "library",
    name: ref,
    digests: [],
    properties: [["provost:odd", "\u0000 \u202e \ud800"]],
    evidence: [{ sha256: "ab".repeat(32), says: "a document" }],
    ...more,
  });
  const kinds = ["device", "application", "library", "file", "folder"] as const;
  const odd = kinds.map((kind) =>
    item(`a ${kind} "<\n>`, {
      kind,
      licence: kind === "file" ? "MIT" : `${kind} \n`,
      supplier: "é \n (x)",
      location: "/x y",
      inside: "s",
    }),
  );
  const image = sbomVectors("inventory", "image-pkg-coverage");
  return {
    "this program": { ...fileBill("node", process.execPath), ...about, madeFrom: "build" },
    "an image": { ...folderBill(image, () => undefined, new AbortController().signal), ...about, madeFrom: "deployed" },
    "every kind of item": { subject: item("s", { kind: "device" }), items: odd, ...about, madeFrom: "deployed" },
    nothing: { subject: item("s", { properties: [], evidence: [] }), items: [], ...about, madeFrom: "deployed" },
  };
}

function faultOf(format: string, document: object): string {
  const version = /^cyclonedx (.+)$/.exec(format)?.[1];
  if (version === undefined) return "";
  const validate = schemas().getSchema(`http://cyclonedx.org/schema/bom-${version}.schema.json`);
  if (validate === undefined) return `there is no schema of ${format}`;
  return validate(document) === true ? "" : schemas().errorsText(validate.errors);
}

let compiled: Ajv | undefined;

function schemas(): Ajv {
  if (compiled !== undefined) return compiled;
  const ajv = new Ajv({ strict: false });
  formats.default(ajv, ["date", "date-time", "uri"]);
  ajv.addFormat("iri-reference", true);
  ajv.addFormat("idn-email", true);
  for (const name of ["bom-1.6", "bom-1.7", "spdx", "jsf-0.82", "cryptography-defs"])
    ajv.addSchema(json(sbomVectors("cyclonedx", "schema", `${name}.schema.json`)) as object);
  compiled = ajv;
  return ajv;
}

function oddIn(document: object, items: number): readonly string[] {
  const reading = readJsonDocument(document);
  if (reading.kind !== "sbom") return [reading.kind === "refused" ? reading.why : "it is read as a VEX document"];
  const { subjects, components, problems } = reading.sbom;
  return subjects.length === 1 && components.length === items
    ? problems
    : [`${subjects.length} subjects and ${components.length} of ${items} components`, ...problems];
}

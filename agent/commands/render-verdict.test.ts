import { expect, test } from "vitest";
import type { ChainLink, Verdict } from "@provost/shared/model/verdict.ts";
import type { Sha256 } from "@provost/shared/model/ids.ts";
import { verdictLines, weakestFirst } from "./render-verdict.ts";

const link = (link: ChainLink["link"], state: ChainLink["state"]): ChainLink => ({
  link,
  state,
  says: `${link} ${state}`,
});

test("what failed comes first, then what is missing, then the rest from source to process", () => {
  const chain = [
    link("source", "missing"),
    link("signature", "verified"),
    link("package", "recorded"),
    link("file", "failed"),
    link("process", "missing"),
  ];
  expect(weakestFirst(chain).map((item) => item.link)).toEqual(["file", "source", "process", "signature", "package"]);
});

const refs = [{ sha256: "ab".repeat(32) as Sha256, mediaType: "text/plain", title: "InRelease" }];
const signature: ChainLink = { ...link("signature", "verified"), facts: { key: "ABCD" }, evidence: refs };

test.each<readonly [string, Verdict, readonly string[]]>([
  [
    "signed, with the evidence behind a link",
    { standing: "signed", basis: "publisher", says: "It is the file.", chain: [signature] },
    [
      "/bin/x",
      "  signed: publisher",
      "  It is the file.",
      "    verified  signature  signature verified",
      "                         key: ABCD",
      `                         evidence: InRelease (sha256 ${"ab".repeat(32)})`,
    ],
  ],
  [
    "unchecked, with what is wanted",
    { standing: "unchecked", basis: "lapsed", wanted: "an index", says: "It lapsed.", chain: [] },
    ["/bin/x", "  unchecked: lapsed", "  It lapsed.", "  Wanted: an index"],
  ],
  [
    "proven, with the level",
    { standing: "proven", basis: "source", slsaLevel: 3, says: "Built from it.", chain: [] },
    ["/bin/x", "  proven: source (SLSA Build L3)", "  Built from it."],
  ],
])("%s", (_name, verdict, lines) => {
  expect(verdictLines("/bin/x", verdict).map(({ text }) => text)).toEqual(lines);
});

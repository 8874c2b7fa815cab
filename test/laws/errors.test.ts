import { expect, test } from "vitest";
import { errorCodes } from "@provost/shared/lib/app-error.ts";
import { files, isSource, isTest, read } from "./repository.ts";

const sections = [...read("docs/errors.md").matchAll(/^## ([A-Z_]+)$/gm)].map(([, code = ""]) => code);
const sources = files()
  .filter((path) => /^(?:agent|server|shared|installers)\//.test(path) && isSource(path) && !isTest(path))
  .filter((path) => path !== "shared/lib/app-error.ts")
  .map(read);

test("docs/errors.md has one section for each code, in the order of the list", () => {
  expect(sections).toEqual([...errorCodes]);
});

test("each section says what happened and what to do", () => {
  for (const section of read("docs/errors.md").split(/^## /m).slice(1)) {
    expect(section).toMatch(/\*\*What happened\.\*\* \S/);
    expect(section).toMatch(/\*\*What to do\.\*\* \S/);
  }
});

test.each(errorCodes)("%s is given by some part of the product", (code) => {
  const given = new RegExp(
    `(?:AppError|wrong|refuse|problem|giveUp|tell)\\([^;]{0,80}?"${code}"|code: "${code}"|\`${code}: |"${code}: `,
  );
  expect(sources.filter((text) => given.test(text))).not.toEqual([]);
});

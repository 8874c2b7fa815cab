import { expect, test } from "vitest";
import { keepTheme, shownTheme, turnTheme } from "./theme.ts";

const page = () => ({ dataset: {} }) as unknown as HTMLElement;
const broken = {
  getItem: (): string => {
    throw new Error("denied");
  },
  setItem: (): void => {
    throw new Error("full");
  },
};

test("a remembered theme is put in place, anything else is the system's", () => {
  const root = page();
  keepTheme(root, { getItem: () => "dark" });
  expect(shownTheme(root, false)).toBe("dark");
  const other = page();
  keepTheme(other, { getItem: () => "<script>" });
  expect([other.dataset["theme"], shownTheme(other, true)]).toEqual([undefined, "dark"]);
});

test("a browser that keeps nothing still turns", () => {
  const root = page();
  keepTheme(root, broken);
  expect([turnTheme(root, broken, false), turnTheme(root, broken, false)]).toEqual(["dark", "light"]);
});

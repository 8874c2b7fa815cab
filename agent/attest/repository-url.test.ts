import { expect, test } from "vitest";
import { repositoryUrl } from "./repository-url.ts";

test.each([
  ["https://github.com/o/r.git", "https://github.com/o/r"],
  ["https://user:secret@git.test:8443/o/r.git", "https://git.test:8443/o/r"],
  ["https://x-access-token:secret@github.com/o/r", "https://github.com/o/r"],
  ["http://git.test/o/r/", "http://git.test/o/r"],
  ["git@github.com:o/r.git", "https://github.com/o/r"],
  ["ssh://git@git.test:2222/o/r.git", "https://git.test/o/r"],
  ["git.test:o/r", "https://git.test/o/r"],
])("%s is %s", (remote, url) => {
  expect(repositoryUrl(remote)).toBe(url);
});

test.each(["", "/srv/git/r.git", "file:///srv/git/r.git", "../r"])("%s names no place that others reach", (remote) => {
  expect(repositoryUrl(remote)).toBeUndefined();
});

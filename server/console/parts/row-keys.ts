/** Where a key takes the cursor in a list of rows. Undefined: the key is not the list's. */
export function keyTarget(key: string, at: number | undefined, rows: number, page: number): number | undefined {
  if (at === undefined || rows === 0) return undefined;
  const to = target(key, at, rows, page);
  return to === undefined ? undefined : Math.min(rows - 1, Math.max(0, to));
}

function target(key: string, at: number, rows: number, page: number): number | undefined {
  switch (key) {
    case "ArrowDown":
      return at + 1;
    case "ArrowUp":
      return at - 1;
    case "PageDown":
      return at + page;
    case "PageUp":
      return at - page;
    case "Home":
      return 0;
    case "End":
      return rows - 1;
    default:
      return undefined;
  }
}

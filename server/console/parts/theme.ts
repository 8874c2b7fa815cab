export type Theme = "light" | "dark";

/** Puts a chosen theme in place before the first paint; without a choice the system's preference rules (CSS alone). */
export function keepTheme(root: HTMLElement, store: Pick<Storage, "getItem">): void {
  const chosen = stored(store);
  if (chosen !== undefined) root.dataset["theme"] = chosen;
}

/** Turns to the other theme than the one on screen and remembers it. */
export function turnTheme(root: HTMLElement, store: Pick<Storage, "setItem">, systemDark: boolean): Theme {
  const next = shownTheme(root, systemDark) === "dark" ? "light" : "dark";
  root.dataset["theme"] = next;
  try {
    store.setItem(key, next);
  } catch {
    // A browser that keeps nothing (private mode, full store) still shows the theme until the page is closed.
  }
  return next;
}

export function shownTheme(root: HTMLElement, systemDark: boolean): Theme {
  const chosen = root.dataset["theme"];
  return chosen === "dark" || chosen === "light" ? chosen : systemDark ? "dark" : "light";
}

const key = "provost-theme";

function stored(store: Pick<Storage, "getItem">): Theme | undefined {
  try {
    const value = store.getItem(key);
    return value === "dark" || value === "light" ? value : undefined;
  } catch {
    return undefined;
  }
}

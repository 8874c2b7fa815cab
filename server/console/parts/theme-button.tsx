import { Moon, Sun } from "lucide-react";
import { useState } from "react";
import { shownTheme, turnTheme } from "./theme.ts";

export function ThemeButton() {
  const [theme, setTheme] = useState(() => shownTheme(document.documentElement, systemIsDark()));
  const dark = theme === "dark";
  const Icon = dark ? Sun : Moon;
  const words = dark ? "Use the light theme" : "Use the dark theme";
  return (
    <button
      type="button"
      aria-label={words}
      title={words}
      className="grid size-8 shrink-0 place-items-center rounded-lg text-soft hover:bg-sunken hover:text-ink"
      onClick={() => setTheme(turnTheme(document.documentElement, localStorage, systemIsDark()))}
    >
      <Icon size={16} aria-hidden="true" />
    </button>
  );
}

const systemIsDark = (): boolean => matchMedia("(prefers-color-scheme: dark)").matches;

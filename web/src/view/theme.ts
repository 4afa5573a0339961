// Light or dark: the system's, until somebody chooses. Charts hear of a change by the event "themechange".

import { useEffect, useState } from "preact/hooks";

export type Theme = "auto" | "light" | "dark";
const KEY = "broadside-theme";

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "auto";
  } catch {
    return "auto"; // storage is forbidden: the choice lasts as long as the page
  }
}

export function applyTheme(theme: Theme): void {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  window.dispatchEvent(new Event("themechange"));
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState<Theme>(stored);
  useEffect(() => applyTheme(theme), [theme]);
  useEffect(() => {
    const media = matchMedia("(prefers-color-scheme: dark)");
    const changed = (): void => void window.dispatchEvent(new Event("themechange"));
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, []);
  return [
    theme,
    (next) => {
      setTheme(next);
      try {
        localStorage.setItem(KEY, next);
      } catch {
        // See above.
      }
    },
  ];
}

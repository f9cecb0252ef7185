import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";
const heard = new Set<() => void>();

export function theme(): Theme {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}

export function choose(wanted: Theme): void {
  if (wanted === "system") {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem("theme");
  } else {
    document.documentElement.dataset.theme = wanted;
    localStorage.setItem("theme", wanted);
  }
  heard.forEach((each) => each());
}

export function isDark(): boolean {
  const chosen = theme();
  return chosen === "dark" || (chosen === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
}

function listen(changed: () => void): () => void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  heard.add(changed);
  system.addEventListener("change", changed);
  return () => {
    heard.delete(changed);
    system.removeEventListener("change", changed);
  };
}

export const useTheme = (): Theme => useSyncExternalStore(listen, theme);
export const useDark = (): boolean => useSyncExternalStore(listen, isDark);

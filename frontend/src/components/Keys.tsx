// Single keys, for hands that stay on the keyboard; they can be switched off (WCAG 2.1.4).
import { useEffect, useRef, useSyncExternalStore } from "react";
import { useNavigate } from "react-router";

const OFF = "keys-off";
const heard = new Set<() => void>();
const areOn = () => localStorage.getItem(OFF) === null;
export function switchKeys(on: boolean): void {
  if (on) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, "1");
  heard.forEach((each) => each());
}
export const useKeys = () =>
  useSyncExternalStore((changed) => (heard.add(changed), () => heard.delete(changed)), areOn);

const GO: Record<string, string> = { e: "/", h: "/runs", r: "/repositories", g: "/game-days", f: "/faults", d: "/doctor", s: "/settings" };
export const HELP: [string, string][] = [
  ["/", "search runs"],
  ["n", "new run"],
  ["g then e h r g f d s", "go to experiments, history, repositories, game days, faults, doctor, settings"],
  ["j k", "next, previous row"],
  ["Enter", "open it"],
  ["x", "mark a run for a comparison"],
  ["c", "compare what is marked"],
  [".", "stop the run of this page"],
  ["?", "this help"],
];

export function Keys() {
  const go = useNavigate();
  const help = useRef<HTMLDialogElement>(null);
  const on = useKeys();
  useEffect(() => {
    if (!on) return;
    let leading = 0;
    function pressed(event: KeyboardEvent) {
      const at = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || at.closest("input, textarea, select, dialog")) return;
      const key = event.key;
      if (performance.now() - leading < 1200 && GO[key]) {
        leading = 0;
        event.preventDefault();
        void go(GO[key]);
      } else if (key === "g") leading = performance.now();
      else if (key === "/") focus(event, "#search");
      else if (key === "n") void go("/new");
      else if (key === "?") help.current?.showModal();
      else if (key === "j" || key === "k") move(event, key === "j" ? 1 : -1);
      else if (key === "x") within(at, "[data-mark]")?.click();
      else if (key === "c") document.querySelector<HTMLElement>("[data-compare]")?.click();
      else if (key === ".") document.querySelector<HTMLElement>("[data-stop]")?.click();
    }
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, [go, on]);
  return (
    <dialog ref={help} aria-labelledby="keys-title">
      <div className="grid gap-3 p-5">
        <h2 id="keys-title" className="text-lg">
          Keys
        </h2>
        <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1.5">
          {HELP.map(([key, what]) => (
            <div key={key} className="contents">
              <dt className="mono">{key}</dt>
              <dd className="text-ink-2">{what}</dd>
            </div>
          ))}
        </dl>
        <div className="flex justify-end">
          <button className="btn" onClick={() => help.current?.close()}>
            Close
          </button>
        </div>
      </div>
    </dialog>
  );
}

function focus(event: KeyboardEvent, selector: string): void {
  event.preventDefault();
  document.querySelector<HTMLElement>(selector)?.focus();
}

const within = (at: HTMLElement, selector: string) =>
  at.closest("[data-row]")?.parentElement?.querySelector<HTMLElement>(`:focus-within ${selector}`) ?? null;

/** From row to row: each has one link that leads into it. */
function move(event: KeyboardEvent, by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  if (!rows.length) return;
  event.preventDefault();
  const at = rows.indexOf(document.activeElement?.closest("[data-row]") as HTMLElement);
  const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
  (next?.matches("a, button") ? next : next?.querySelector<HTMLElement>("a, button"))?.focus();
}

// Tabs by the ARIA pattern: arrows move, the chosen one is in the address.
import { useId, type KeyboardEvent, type ReactNode } from "react";

type Props = { label: string; tabs: readonly (readonly [string, string])[]; chosen: string; choose: (tab: string) => void; children: ReactNode };

export function Tabs({ label, tabs, chosen, choose, children }: Props) {
  const id = useId();
  function pressed(event: KeyboardEvent) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = tabs.findIndex(([name]) => name === chosen);
    const next = tabs[(at + step + tabs.length) % tabs.length]![0];
    choose(next);
    document.getElementById(`${id}-${next}`)?.focus();
  }
  return (
    <div className="grid gap-4">
      <div role="tablist" aria-label={label} className="flex gap-1 overflow-x-auto border-b border-line" onKeyDown={pressed}>
        {tabs.map(([name, title]) => (
          <button
            key={name}
            id={`${id}-${name}`}
            role="tab"
            type="button"
            aria-selected={name === chosen}
            aria-controls={`${id}-panel`}
            tabIndex={name === chosen ? 0 : -1}
            onClick={() => choose(name)}
            className={`-mb-px border-b-2 px-3 py-2 text-sm whitespace-nowrap ${name === chosen ? "border-ink font-medium" : "border-transparent text-ink-2 hover:text-ink"}`}
          >
            {title}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${chosen}`}>{children}</div>
    </div>
  );
}

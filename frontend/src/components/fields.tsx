// What forms are made of: a label, a control, a hint, and what is wrong with it.
import type { ReactNode } from "react";

export function Field({ label, hint, wrong, children }: { label: string; hint?: ReactNode; wrong?: string; children: ReactNode }) {
  return (
    <label className="grid content-start gap-1">
      <span className="label">{label}</span>
      {children}
      {wrong ? <span role="alert" className="text-sm text-deviated">{wrong}</span> : hint && <span className="hint">{hint}</span>}
    </label>
  );
}

export function Text({ value, change, ...rest }: { value: string; change: (value: string) => void } & Omit<React.InputHTMLAttributes<HTMLInputElement>, "onChange" | "value">) {
  return <input className="field" value={value} onChange={(event) => change(event.target.value)} autoComplete="off" spellCheck={false} {...rest} />;
}

export type Choice = { value: string; name: string; about?: string; disabled?: boolean };

/** One of a few, all seen at once. */
export function Choices({ legend, name, value, choices, change }: { legend: string; name: string; value: string; choices: Choice[]; change: (value: string) => void }) {
  return (
    <fieldset className="grid gap-1">
      <legend className="label mb-1">{legend}</legend>
      <div className="grid auto-cols-fr gap-1 rounded-lg border border-line bg-sunken p-1 sm:grid-flow-col">
        {choices.map((each) => (
          <label
            key={each.value}
            className="has-checked:bg-surface has-checked:shadow-sm has-focus-visible:outline-2 has-focus-visible:outline-(--focus) flex cursor-pointer flex-col rounded-md px-3 py-1.5 text-center has-disabled:cursor-not-allowed"
          >
            <input type="radio" className="sr-only" name={name} value={each.value} checked={value === each.value} disabled={each.disabled} onChange={() => change(each.value)} />
            <span className={value === each.value ? "font-medium" : "text-ink-2"}>{each.name}</span>
            {each.about && <span className="num text-xs text-ink-2">{each.about}</span>}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

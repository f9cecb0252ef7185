// Asked against delivered: every quantity of a step beside what was measured of it, the first one drawn with its interval.
import type { Result } from "../api/client";
import { inert, number, plain, quantity, seconds } from "../lib/words";

type Step = Result["steps"][number];

export function StepsTable({ steps }: { steps: Step[] }) {
  if (!steps.length) return <p className="card px-4 py-3 text-ink-2">Nothing was injected.</p>;
  return (
    <section aria-label="Asked and delivered">
      <ul className="card divide-y divide-line">
        {steps.map((step) => <li key={step.name}><One step={step} /></li>)}
      </ul>
    </section>
  );
}

function One({ step }: { step: Step }) {
  const named = plain(step.fault) !== inert(step.name, 80);
  return (
    <div className="grid gap-x-8 gap-y-4 px-5 py-4 lg:grid-cols-[200px_minmax(0,1fr)_minmax(0,300px)]">
      <div className="grid content-start gap-1">
        <p className="flex items-center gap-2 font-medium"><i aria-hidden="true" className="size-2 shrink-0 rounded-xs bg-fault" />{inert(step.name, 80)}</p>
        {named && <p className="text-sm text-ink-2">{plain(step.fault)}</p>}
        {step.mechanism && <p className="text-sm text-ink-2">by {inert(step.mechanism, 80)}, {inert(step.kind, 40)}</p>}
        <p className="num text-sm text-ink-2">in place {seconds(step.held_s)} of {seconds(step.hold_s)} asked</p>
      </div>
      <Quantities step={step} />
      <div className="grid content-start gap-1">
        <p className={`font-medium ${step.landed ? "text-held" : "text-inconclusive"}`}>{step.landed ? "✔ Landed" : "– Did not land"}</p>
        {step.why && <p className="text-sm text-pretty text-ink-2">{inert(step.why, 400)}</p>}
        {step.met && <p className="text-sm text-pretty text-ink-2">{inert(step.met.why, 240)}</p>}
        {step.residue.length > 0 && <p className="text-sm text-deviated">left behind: {inert(step.residue.join(", "), 240)}</p>}
      </div>
    </div>
  );
}

function Quantities({ step }: { step: Step }) {
  const { low, high, samples, effective, ...delivered } = step.delivered as Record<string, number | undefined>;
  const names = [...new Set([...Object.keys(step.asked), ...Object.keys(delivered)])];
  const first = names.find((name) => typeof step.asked[name] === "number" && typeof delivered[name] === "number");
  return (
    <div className="grid min-w-0 content-start gap-3">
      {names.length > 0 && (
        <table className="num w-full max-w-[460px]">
          <thead>
            <tr>{["Quantity", "Asked", "Delivered"].map((each, n) => <th key={each} scope="col" className={`eyebrow pb-1 ${n ? "text-right" : "text-left"}`}>{n ? each : <span className="sr-only">{each}</span>}</th>)}</tr>
          </thead>
          <tbody>
            {names.map((name) => (
              <tr key={name} className="align-baseline">
                <th scope="row" className="py-0.5 pr-3 text-left font-normal text-ink-2">{quantity(name).name}</th>
                <td className="py-0.5 pl-3 text-right">{said(name, step.asked[name])}</td>
                <td className={`py-0.5 pl-3 text-right font-semibold ${name === first ? "text-lg leading-5" : ""}`}>{said(name, delivered[name])}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {first && <Gauge name={first} asked={step.asked[first] as number} delivered={delivered[first]!} low={low} high={high} samples={samples} effective={effective} />}
    </div>
  );
}

function said(name: string, value: unknown): string {
  if (typeof value === "number") return quantity(name).say(value);
  return value == null ? "–" : inert(String(value), 80);
}

type Gauged = { name: string; asked: number; delivered: number; low?: number; high?: number; samples?: number; effective?: number };

/** A line from nothing to a bit more than the most of it: a mark at what was asked, a dot at what came, its interval. */
function Gauge({ name, asked, delivered, low, high, samples, effective }: Gauged) {
  const top = Math.max(asked, delivered, high ?? 0) * 1.15 || 1;
  const at = (value: number) => (100 * Math.max(0, value)) / top;
  const { say } = quantity(name);
  const from = at(low ?? delivered);
  return (
    <div className="max-w-[460px]">
      <svg width="100%" height="18" aria-hidden="true" className="block overflow-visible">
        <line x1="0" x2="100%" y1="9" y2="9" stroke="var(--line-2)" strokeWidth="2" strokeLinecap="round" />
        <line x1="0" x2={`${at(delivered)}%`} y1="9" y2="9" stroke="var(--fault)" strokeWidth="2" strokeLinecap="round" />
        <rect x={`${from}%`} width={`${Math.max(0.8, at(high ?? delivered) - from)}%`} y="4" height="10" rx="3" fill="var(--fault)" opacity=".28" />
        <line x1={`${at(asked)}%`} x2={`${at(asked)}%`} y1="0" y2="18" stroke="var(--ink)" strokeWidth="1.5" />
        <circle cx={`${at(delivered)}%`} cy="9" r="4" fill="var(--fault)" stroke="var(--surface)" strokeWidth="1.5" />
      </svg>
      <p className="num mt-1 text-sm text-ink-2">
        {low != null && high != null && <>95 % interval {say(low)} to {say(high)}</>}
        {samples != null && <>{low != null ? ", " : ""}{number(samples)} samples{effective != null && effective !== samples ? ` that count as ${number(effective)}` : ""}</>}
      </p>
    </div>
  );
}

// A trend: each run a dot, its verdict by shape and colour, hollow when it had a hold or an intensity of its own.
import type { Schemas } from "../api/client";
import { VerdictMark } from "../components/Verdict";
import { latency, moment, percent, seconds, trimmed } from "../lib/words";

type Point = Schemas["TrendPoint"];
type Measure = { key: "latency_p95" | "error_rate" | "recovery_s" | "cpu_peak" | "memory_peak"; name: string; say: (value: number | null) => string };
export const MEASURES: Measure[] = [
  { key: "latency_p95", name: "p95 in the fault", say: (value) => latency(value === null ? null : value / 1000) },
  { key: "recovery_s", name: "recovery", say: seconds },
  { key: "error_rate", name: "failed requests", say: (value) => percent(value, 1) },
  { key: "cpu_peak", name: "CPU peak", say: (value) => (value === null ? "–" : `${trimmed(value, 0)} %`) },
  { key: "memory_peak", name: "memory peak", say: (value) => (value === null ? "–" : `${trimmed(value, 0)} %`) },
];

export function Dots({ items, measure, marked, choose }: { items: Point[]; measure: Measure; marked: string[]; choose: (id: string) => void }) {
  const values = items.map((each) => each[measure.key] ?? null);
  const top = Math.max(...values.filter((value): value is number => value !== null), 0) * 1.15 || 1;
  return (
    <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Trend">
      <div className="relative mx-4 my-4 h-56" style={{ minWidth: items.length * 26 }}>
        {[0, 0.5, 1].map((share) => (
          <div key={share} className="absolute inset-x-0 border-t border-line" style={{ bottom: `${(100 * share) / 1.15}%` }}>
            <span className="num absolute -top-4 left-0 bg-surface pr-1 text-xs text-ink-2">{measure.say((top / 1.15) * share)}</span>
          </div>
        ))}
        <ol className="absolute inset-y-0 right-0 left-14 flex">
          {items.map((each, n) => {
            const value = values[n] ?? null;
            const fresh = n > 0 && items[n - 1]!.digest !== each.digest;
            const said = `${each.verdict ?? "inconclusive"}, ${moment(each.created_at)}, ${measure.name} ${measure.say(value)}${each.overridden ? ", with a hold or an intensity of its own" : ""}`;
            return (
              <li key={each.id} className={`relative h-full flex-1 ${fresh ? "border-l border-dashed border-line-2" : ""}`} title={fresh ? `digest ${each.digest?.slice(7, 15)}` : undefined}>
                <button
                  className={`absolute left-1/2 grid size-6 -translate-x-1/2 translate-y-1/2 place-items-center rounded-full hover:bg-sunken ${marked.includes(each.id) ? "outline-2 outline-(--focus)" : ""} ${each.overridden ? "opacity-60" : ""}`}
                  style={{ bottom: value === null ? "2%" : `${(100 * value) / top}%` }}
                  aria-label={said}
                  aria-pressed={marked.includes(each.id)}
                  title={said}
                  onClick={() => choose(each.id)}
                >
                  <VerdictMark of={each.verdict === "held" || each.verdict === "deviated" ? each.verdict : "inconclusive"} size={14} />
                </button>
              </li>
            );
          })}
        </ol>
      </div>
      <p className="num mx-4 mb-3 flex justify-between pl-14 text-xs text-ink-2"><span>{moment(items[0]?.created_at)}</span>{items.length > 1 && <span>{moment(items.at(-1)?.created_at)}</span>}</p>
    </div>
  );
}

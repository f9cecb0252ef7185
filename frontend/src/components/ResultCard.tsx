// A run in a list: its verdict, what it was of, why, and its numbers. One link leads into it.
import { Link } from "react-router";
import type { RunSummary } from "../api/client";
import { ago, inert, latency, percent, plain, seconds } from "../lib/words";
import { shownOf, VerdictWord } from "./Verdict";

export function ResultCard({ run, marked, mark }: { run: RunSummary; marked?: boolean; mark?: () => void }) {
  const of = shownOf(run);
  return (
    <div
      data-row
      className="relative grid grid-cols-[auto_1fr] items-center gap-x-4 gap-y-0.5 px-4 py-2.5 hover:bg-sunken md:grid-cols-[128px_minmax(0,1fr)_288px_92px]"
    >
      <div className="flex items-center gap-2">
        {mark && (
          <input
            type="checkbox"
            data-mark
            checked={marked}
            onChange={mark}
            aria-label={`Mark ${inert(run.experiment, 80)} of ${ago(run.created_at)} for a comparison`}
            className="relative z-10 size-[24px] md:size-4 pointer-coarse:size-[24px]"
          />
        )}
        <VerdictWord of={of} word={of === "live" ? (run.phase ?? run.state) : undefined} />
      </div>
      <div className="min-w-0 max-md:col-span-2 max-md:row-start-2">
        <p className="flex flex-wrap items-baseline gap-x-2">
          <Link to={`/runs/${run.id}`} className="font-medium no-underline after:absolute after:inset-0">
            {inert(run.experiment, 160)}
          </Link>
          <span className="text-sm text-ink-2">{(run.faults ?? []).map(plain).join(", ")}</span>
        </p>
        {run.why && <p className="line-clamp-1 text-sm text-ink-2">{inert(run.why, 300)}</p>}
      </div>
      <p className="num grid grid-cols-[88px_92px_1fr] text-sm text-ink-2 max-md:col-span-2">
        <Number name="p95" value={latency(run.latency_p95 == null ? null : run.latency_p95 / 1000)} />
        <Number name="failed" value={percent(run.error_rate, 1)} />
        <Number name="recovery" value={seconds(run.recovery_s)} />
      </p>
      <p className="num text-right text-sm text-ink-2 max-md:col-start-2 max-md:row-start-1">
        <time dateTime={run.created_at} title={run.created_at}>
          {ago(run.created_at)}
        </time>
      </p>
    </div>
  );
}

function Number({ name, value }: { name: string; value: string }) {
  return (
    <span className="whitespace-nowrap">
      <span className="text-ink-3">{name}</span> <b className="font-medium text-ink">{value}</b>
    </span>
  );
}

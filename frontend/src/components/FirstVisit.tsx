// Nobody has run anything here yet: what this is, and one click to a verdict.
import { ArrowRight } from "lucide-react";
import { Link } from "react-router";
import { useStart } from "../lib/starting";
import { Failure } from "./states";

const TRY: [string, string, string][] = [
  ["network_delay", "Slow network", "Does checkout still answer when every packet is 300 ms late?"],
  ["process_kill", "Killed process", "Is the shop back within 5 s after its web process died?"],
  ["memory_pressure", "Memory nearly full", "Does it serve while memory fills to 80 %?"],
  ["disk_full", "Full disk", "Are errors told, and orders still taken?"],
  ["dependency_failure", "Dependency away", "What do customers see while inventory is gone?"],
];

export function FirstVisit({ canStart }: { canStart: boolean }) {
  const start = useStart();
  return (
    <div className="grid gap-5" data-state="empty">
      <section className="card overflow-hidden">
        <div className="grid gap-8 p-6 sm:p-8 lg:grid-cols-[minmax(0,1fr)_minmax(0,1.15fr)]">
          <div className="grid content-start gap-3">
            <h2 className="text-xl font-semibold tracking-tight">See a first verdict</h2>
            <p className="max-w-[52ch] text-ink-2">
              A small shop is started in a sandbox of its own, measured while it is well, hurt for some seconds, and measured again.
              Nothing of your machine is touched, no key is needed, and it is over in about 15 s once its process has begun.
            </p>
            <div className="mt-1 flex flex-wrap gap-2">
              <button
                className="btn btn-primary min-h-9 px-4"
                disabled={!canStart || start.isPending}
                onClick={() => start.mutate({ ad_hoc: { scenario: "network_delay", hold: "5s" } } as never)}
              >
                {start.isPending ? "Starting…" : "Slow down the demo shop"}
                <ArrowRight size={14} aria-hidden="true" />
              </button>
              <Link to="/new" className="btn min-h-9 px-4">Choose yourself</Link>
            </div>
            {!canStart && <p className="hint">You may look, and not start: this console reads only, or your token is a viewer’s.</p>}
            {start.isError && <Failure error={start.error} />}
          </div>
          <ol className="grid gap-4 border-line lg:border-l lg:pl-8">
            {[
              ["Baseline", "Is it well at all? Unless its steady state holds, nothing is injected."],
              ["Fault", "The orange band in the charts is the time in which the fault was measured to be in place. Asked against delivered says how much of it arrived."],
              ["Recovery", "When is it stably good again? Measured by many looks, not by a fixed pause."],
              ["Verdict", "Held, deviated, or inconclusive, with the reason. What keeps a run from proving something is said as a doubt."],
            ].map(([title, what], n) => (
              <li key={title} className="grid grid-cols-[20px_1fr] gap-3">
                <span className={`num mt-px text-sm font-medium ${n === 1 ? "text-fault-ink" : "text-ink-3"}`}>{n + 1}</span>
                <div>
                  <p className="font-medium">{title}</p>
                  <p className="text-sm text-ink-2">{what}</p>
                </div>
              </li>
            ))}
          </ol>
        </div>
      </section>
      {canStart && (
        <section className="grid gap-2">
          <h2>Or hurt it in another way</h2>
          <ul className="grid gap-3 sm:grid-cols-2 lg:grid-cols-5">
            {TRY.map(([scenario, title, question]) => (
              <li key={scenario}>
                <Link to={`/new?scenario=${scenario}`} className="card block h-full p-4 no-underline hover:border-line-2">
                  <p className="font-medium">{title}</p>
                  <p className="mt-1 text-sm text-ink-2">{question}</p>
                </Link>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

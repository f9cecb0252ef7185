// What a run came to: verdict and why, its numbers, asked and delivered, steady states, doubts, words, files.
import type { UseQueryResult } from "@tanstack/react-query";
import { RotateCcw } from "lucide-react";
import { Link } from "react-router";
import type { House, PlanView, Result, Run } from "../api/client";
import { useAgain } from "../lib/starting";
import { inert, latency, many, moment, percent, plain, seconds, trimmed } from "../lib/words";
import { AnalysisView } from "./AnalysisView";
import { Section } from "./Page";
import { Evidence } from "./Evidence";
import { Answered, Empty, Failure } from "./states";
import { StepsTable } from "./Asked";
import { SteadyStates } from "./Tables";
import { shownOf, VerdictMark, type Shown } from "./Verdict";

const TINT: Record<Shown, string> = {
  held: "var(--held-bg)", deviated: "var(--deviated-bg)", inconclusive: "var(--inconclusive-bg)", live: "", queued: "", none: "",
};
const INK: Record<Shown, string> = {
  held: "var(--held)", deviated: "var(--deviated)", inconclusive: "var(--inconclusive)", live: "", queued: "", none: "",
};

export function VerdictHead({ run, result, operate }: { run: Run; result?: Result; operate: boolean }) {
  const of = shownOf(run);
  const previous = result?.analysis?.previous;
  return (
    <header className="card overflow-hidden">
      <div className="grid gap-4 px-5 py-4 sm:px-6 sm:py-5" style={{ background: TINT[of] }}>
        <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
          <div className="grid min-w-0 grid-cols-[auto_1fr] items-center gap-x-3.5">
            <VerdictMark of={of} size={32} />
            <p className="text-2xl font-semibold tracking-tight capitalize" style={{ color: INK[of] }} data-verdict={run.verdict}>
              {run.verdict ?? "inconclusive"}
            </p>
            <h1 className="col-start-2 text-base! leading-5! font-medium!">{inert(run.experiment, 160)}</h1>
          </div>
          <div className="no-print flex flex-wrap gap-2">
            {operate && <Again run={run} seed={result?.seed ?? run.seed} />}
            {previous && (
              <Link className="btn" to={`/compare?a=${encodeURIComponent(previous.run_id)}&b=${encodeURIComponent(run.id)}`}>Compare with the run before</Link>
            )}
          </div>
        </div>
        {run.why && <p className="max-w-[82ch] text-lg leading-6 text-pretty">{inert(run.why)}</p>}
      </div>
      {result && <Numbers result={result} />}
      <p className="num flex flex-wrap gap-x-5 gap-y-1 border-t border-line px-5 py-2.5 text-sm text-ink-2 sm:px-6">
        <span>{moment(run.started_at ?? run.created_at)}</span>
        {result && <span>took {seconds(result.timings.total_s)}</span>}
        {run.outcome && run.outcome !== "completed" && <span>outcome: {plain(run.outcome)}</span>}
        {run.started_by && <span>started by {inert(run.started_by, 80)}</span>}
        {run.worker && <span>on {inert(run.worker, 80)}</span>}
        {run.severity && <span>severity: {run.severity}</span>}
        {previous && previous.changes.length > 0 && <span className="text-ink">since the run before: {inert(previous.changes.join("; "), 300)}</span>}
      </p>
    </header>
  );
}

function Numbers({ result }: { result: Result }) {
  const { load, usage, analysis } = result;
  const before = load.baseline;
  const during = load.fault;
  const recovery = analysis?.metrics.recovery_time_seconds;
  const all: [string, string, string][] = [
    ["Recovery", recovery === null || recovery === undefined ? "–" : seconds(recovery), recovery == null ? "never stably good again" : recovery === 0 ? "was not bad after the fault" : "until stably good again"],
    ["p95 latency", during ? latency(during.p95) : "–", before ? `${latency(before.p95)} before the fault` : "no load was sent"],
    ["Failed requests", during ? percent(during.error_rate, 1) : "–", during ? `${during.errors} of ${during.sent} in the fault phase` : "no load was sent"],
    ["CPU peak", usage.cpu_peak_percent == null ? "–" : `${trimmed(usage.cpu_peak_percent, 0)} %`, "of one core"],
    ["Memory peak", usage.memory_peak_percent == null ? "–" : `${trimmed(usage.memory_peak_percent, 0)} %`, "of the sandbox"],
  ];
  return (
    <dl className="grid grid-cols-2 border-t border-line sm:grid-cols-3 lg:grid-cols-5">
      {all.map(([name, value, about]) => (
        <div key={name} className="border-line px-5 py-3 sm:px-6 lg:not-first:border-l">
          <dt className="eyebrow">{name}</dt>
          <dd>
            <span className="num text-xl font-semibold tracking-tight">{value}</span>
            <span className="block text-sm text-ink-2">{about}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Again({ run, seed }: { run: Run; seed?: number | null }) {
  const again = useAgain(run.id);
  return (
    <>
      <button className="btn" disabled={again.isPending} onClick={() => again.mutate(false)}>
        <RotateCcw size={13} aria-hidden="true" /> {again.isPending ? "Starting…" : "Run again"}
      </button>
      {seed != null && (
        <button className="btn" disabled={again.isPending} onClick={() => again.mutate(true)} title={`seed ${seed}`}>with the same seed</button>
      )}
      {again.isError && <div className="w-full"><Failure error={again.error} /></div>}
    </>
  );
}

export function ResultsView({ run, query, plan, house }: { run: Run; query: UseQueryResult<Result>; plan?: PlanView; house?: House }) {
  if (query.isError && run.delivery.journal === "none" && !run.run_id) {
    return (
      <Empty title="It ended before it began" action={<Link className="btn" to="/doctor">What workers can do</Link>}>
        {inert(run.why ?? "No sandbox was opened, so there is nothing to show.")}
      </Empty>
    );
  }
  return (
    <Answered query={query}>
      {(result) => (
        <>
          <Section title="Asked and delivered"><StepsTable steps={result.steps} /></Section>
          <Section title="Steady states"><SteadyStates states={result.steady_state} /></Section>
          {result.analysis && <AnalysisView result={result} />}
          <Doubts doubts={result.doubts} />
          {result.trials && <Series trials={result.trials} />}
          <Evidence run={run} result={result} plan={plan} house={house} />
        </>
      )}
    </Answered>
  );
}

function Doubts({ doubts }: { doubts: string[] }) {
  return (
    <Section title="Doubts" aside="everything that keeps this run from proving something">
      {doubts.length ? (
        <ul className="card grid gap-1.5 border-l-4 border-l-inconclusive px-4 py-3">
          {doubts.map((each, n) => <li key={n}>{inert(each)}</li>)}
        </ul>
      ) : (
        <p className="card px-4 py-3 text-ink-2">None: the baseline was steady, and the fault was measured to have landed.</p>
      )}
    </Section>
  );
}

type Trials = NonNullable<Result["trials"]>;

/** Several trials together: what each came to. */
function Series({ trials }: { trials: Trials }) {
  const each = (trials as { trials?: { verdict?: string; outcome?: string; why?: string; control?: boolean }[] }).trials ?? [];
  if (!each.length) return null;
  return (
    <Section title="Trials" aside={many(each.length, "trial")}>
      <ol className="card divide-y divide-line">
        {each.map((one, n) => (
          <li key={n} className="flex gap-3 px-4 py-2">
            <VerdictMark of={shownOf({ state: "ended", verdict: one.verdict })} />
            <span className="w-20 shrink-0">{one.control ? "control" : `trial ${n + 1}`}</span>
            <span className="text-ink-2">{inert(one.why ?? "")}</span>
          </li>
        ))}
      </ol>
    </Section>
  );
}

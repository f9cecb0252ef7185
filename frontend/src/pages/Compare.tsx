// Two runs beside each other: what differs, each number, both latencies on one axis whose zero is the fault.
import { useQuery } from "@tanstack/react-query";
import { ArrowLeftRight } from "lucide-react";
import { Link, useSearchParams } from "react-router";
import type { RunSummary, Schemas } from "../api/client";
import { compared } from "../api/queries";
import { Beside } from "../charts/Beside";
import { Page, Section, useTitle } from "../components/Page";
import { Answered, Empty } from "../components/states";
import { shownOf, VerdictWord } from "../components/Verdict";
import { inert, latency, moment, percent, seconds, trimmed } from "../lib/words";

const NUMBERS: Record<string, [string, (value: number | null) => string]> = {
  latency_p95_s: ["p95 in the fault", latency],
  latency_p50_s: ["p50 in the fault", latency],
  error_rate: ["failed requests", (value) => percent(value, 1)],
  throughput: ["good answers", (value) => (value === null ? "–" : `${trimmed(value, 1)}/s`)],
  recovery_time_s: ["recovery", seconds],
  cpu_peak_percent: ["CPU peak", (value) => (value === null ? "–" : `${trimmed(value, 1)} %`)],
  memory_peak_percent: ["memory peak", (value) => (value === null ? "–" : `${trimmed(value, 1)} %`)],
};

export default function Compare() {
  useTitle("Compare");
  const [params, set] = useSearchParams();
  const a = params.get("a") ?? "";
  const b = params.get("b") ?? "";
  const query = useQuery(compared(a, b));
  if (!a || !b) {
    return (
      <Page title="Compare">
        <Empty title="Two runs are needed" action={<Link className="btn btn-primary" to="/runs">Mark two in the history</Link>} />
      </Page>
    );
  }
  return (
    <Page
      title="Compare"
      about="From A to B. What is named as a change is beyond noise; everything else may be chance."
      actions={<button className="btn" onClick={() => set({ a: b, b: a })}><ArrowLeftRight size={13} aria-hidden="true" /> Swap</button>}
    >
      <Answered query={query} rows={5}>{(found) => <Compared found={found} />}</Answered>
    </Page>
  );
}

function Compared({ found }: { found: Schemas["Comparison"] }) {
  return (
    <>
      <div className="grid gap-3 sm:grid-cols-2">
        <Side letter="A" run={found.a} />
        <Side letter="B" run={found.b} />
      </div>
      <Section title="What changed">
        <div className="card grid gap-1.5 px-4 py-3">
          {found.changes.length ? <ul className="grid gap-1">{found.changes.map((each, n) => <li key={n} className="font-medium">{inert(each)}</li>)}</ul> : <p>Nothing that is beyond noise.</p>}
          {found.unseen && <p className="hint">{inert(found.unseen)}</p>}
          <p className="hint">{found.same_digest ? "The same experiment with the same app." : "Experiment or app differ: their digests are not the same."}</p>
        </div>
      </Section>
      <Section title="Latency, p95" aside={<Keys />}><Beside series={found.series} zero={found.zero} /></Section>
      <Section title="Numbers">
        <div className="card overflow-x-auto" tabIndex={0} role="region" aria-label="Numbers">
          <table className="table num">
            <thead><tr><th scope="col">Number</th>{["A", "B", "Change"].map((each) => <th key={each} scope="col" className="text-right!">{each}</th>)}</tr></thead>
            <tbody>
              {found.numbers.map((each) => {
                const [name, say] = NUMBERS[each.name] ?? [each.name, (value: number | null) => String(value ?? "–")];
                return (
                  <tr key={each.name}>
                    <th scope="row">{name}</th>
                    <td className="text-right">{say(each.a ?? null)}</td>
                    <td className="text-right">{say(each.b ?? null)}</td>
                    <td className="text-right text-ink-2">{each.change == null ? "–" : each.change === 0 ? "same" : `${each.change > 0 ? "+" : "−"}${say(Math.abs(each.change))}`}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      </Section>
    </>
  );
}

function Keys() {
  return (
    <span className="flex flex-wrap items-center gap-x-4">
      {(["A", "B"] as const).map((each) => (
        <span key={each} className="flex items-center gap-1.5"><i aria-hidden="true" className="inline-block h-[2px] w-4 rounded" style={{ background: each === "A" ? "var(--s1)" : "var(--s4)" }} />{each}</span>
      ))}
      <span className="flex items-center gap-1.5"><i aria-hidden="true" className="inline-block h-3 border-l border-fault" />0 s: the fault was injected</span>
    </span>
  );
}

function Side({ letter, run }: { letter: string; run: RunSummary }) {
  return (
    <div className="card grid grid-cols-[28px_1fr] gap-x-3 px-4 py-3">
      <span className="row-span-2 text-xl font-semibold" style={{ color: letter === "A" ? "var(--s1)" : "var(--s4)" }}>{letter}</span>
      <p className="flex flex-wrap items-center gap-x-3">
        <Link className="font-medium no-underline hover:underline" to={`/runs/${run.id}`}>{inert(run.experiment, 120)}</Link>
        <VerdictWord of={shownOf(run)} />
        <span className="num text-sm text-ink-2">{moment(run.started_at ?? run.created_at)}</span>
      </p>
      <p className="text-sm text-ink-2">{inert(run.why ?? "", 300)}</p>
    </div>
  );
}

// One run, from queued to judged, in one place: charts stay where they are, the verdict comes above them.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { useParams } from "react-router";
import type { Run } from "../api/client";
import { house, plan as planQuery, queries, result as resultQuery, run as runQuery } from "../api/queries";
import { RunCharts } from "../charts/RunCharts";
import { useRunStore, useWords, type RunStore, type Words } from "../charts/store";
import { Delivered, ProgressBar, Stages, StopButton, Waiting } from "../components/ExperimentStatus";
import { Section, useTitle } from "../components/Page";
import { ResultsView, VerdictHead } from "../components/ResultsView";
import { Answered, Partial } from "../components/states";
import { RunLog } from "../components/RunLog";
import { shownOf, VerdictWord } from "../components/Verdict";
import { inert, many, web } from "../lib/words";

export default function RunPage() {
  const { id = "" } = useParams();
  const query = useQuery(runQuery(id));
  return <Answered query={query} rows={6}>{(run) => <Shown key={id} run={run} />}</Answered>;
}

function Shown({ run }: { run: Run }) {
  const store = useRunStore(run.id);
  const words = useWords(store);
  const ended = run.state === "ended";
  const plan = useQuery(planQuery(run.id, run.delivery.journal !== "none"));
  const result = useQuery(resultQuery(run.id, ended));
  const { data: told } = useQuery(house);
  const [chosen, choose] = useState<number | null>(null);
  const segment = chosen ?? words.segments.at(-1) ?? 1;
  const measured = store.charts.has(segment);
  useTitle(`${inert(run.experiment, 160)}, ${ended ? (run.verdict ?? "ended") : run.state}`);
  // The stream knows first that something changed.
  const state = words.end ? "ended" : words.state;
  useEffect(() => {
    if (state && state !== run.state) void queries.invalidateQueries({ queryKey: ["run", run.id] });
  }, [state, run.state, run.id]);

  // The verdict takes the place of the live head: a focus that was on that heading stays on the heading.
  useLayoutEffect(() => {
    if (!ended || document.activeElement !== document.body) return;
    const heading = document.querySelector<HTMLElement>("#main h1");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
  }, [ended]);

  return (
    <div className="grid gap-6 [&>*]:min-w-0">
      {ended ? (
        <VerdictHead run={run} result={result.data} operate={told?.rights.includes("operate") ?? false} />
      ) : (
        <LiveHead run={run} words={words} operate={told?.rights.includes("operate") ?? false} />
      )}
      {!ended && !measured && <Waiting run={run} words={words} />}
      {!ended && measured && <Delivered words={words} plan={plan.data} />}
      {words.segments.length > 1 && <Trials segments={words.segments} chosen={segment} choose={choose} />}
      {measured && <RunCharts key={segment} store={store} segment={segment} plan={plan.data} live={words.connection !== "over"} />}
      {ended && !measured && run.delivery.journal !== "none" && words.connection !== "over" && (
        <div className="skeleton h-[440px]" role="status" aria-label="Loading the charts" data-state="loading" />
      )}
      {ended && run.delivery.why && (
        <Partial>
          {inert(run.delivery.why)}. {run.delivery.remedy && <code className="mono">{inert(run.delivery.remedy)}</code>}
        </Partial>
      )}
      {ended && <ResultsView run={run} query={result} plan={plan.data} house={told} />}
      <Section title="Log" aside={connection(words, ended)}>
        <RunLog words={words} />
      </Section>
      <Spoken run={run} store={store} />
    </div>
  );
}

function LiveHead({ run, words, operate }: { run: Run; words: Words; operate: boolean }) {
  const prefect = web(run.links.prefect);
  return (
    <header className="grid gap-3">
      <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
        <div className="flex min-w-0 flex-wrap items-center gap-x-3">
          <h1>{inert(run.experiment, 160)}</h1>
          <VerdictWord of={shownOf(run)} word={run.state === "running" ? "live" : run.state} />
        </div>
        <div className="no-print flex flex-wrap items-center gap-3">
          <ProgressBar run={run} />
          {operate && <StopButton run={run} />}
        </div>
      </div>
      {run.hypothesis && <p className="max-w-[76ch] text-ink-2">{inert(run.hypothesis)}</p>}
      <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-1">
        <Stages phase={run.phase ?? null} ended={false} words={words} />
        <p className="flex flex-wrap gap-x-4 text-sm text-ink-2">
          {run.worker && <span>worker {inert(run.worker, 80)}</span>}
          <span>started by {inert(run.started_by ?? "somebody", 80)}</span>
          {prefect && <a className="link" href={prefect} target="_blank" rel="noreferrer">Prefect</a>}
        </p>
      </div>
    </header>
  );
}

function Trials({ segments, chosen, choose }: { segments: number[]; chosen: number; choose: (segment: number) => void }) {
  return (
    <label className="flex items-center gap-2 text-sm">
      <span className="text-ink-2">{many(segments.length, "trial")}; shown:</span>
      <select className="field w-auto" value={chosen} onChange={(event) => choose(Number(event.target.value))}>
        {segments.map((each) => <option key={each} value={each}>trial {each}</option>)}
      </select>
    </label>
  );
}

function connection(words: Words, ended: boolean): string {
  if (words.problem) return `Its journal cannot be followed: ${inert(words.problem)}`;
  if (ended) return "";
  return { connecting: "connecting…", open: "live", waiting: "cut off; taken up again where it was", hidden: "rests while this tab is hidden", over: "" }[words.connection];
}

/** What ears are told: phases and the verdict, never numbers that move. */
function Spoken({ run, store }: { run: Run; store: RunStore }) {
  const words = useWords(store);
  const before = useRef(run.state);
  const said = run.state === "ended"
    ? before.current === "ended" ? "" : `${run.experiment} ${run.verdict}: ${run.why ?? ""}`
    : (words.marks.findLast((each) => each.what === "phase.started" || each.what.startsWith("fault."))?.words ?? run.state);
  return <p className="sr-only" role="status">{inert(said)}</p>;
}

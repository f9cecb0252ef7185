// A run while it goes on: for what it waits, how far it is, what was asked and delivered, and a stop.
import { useMutation } from "@tanstack/react-query";
import { Square } from "lucide-react";
import { useState, type FormEvent } from "react";
import { api, got, type PlanView, type Run } from "../api/client";
import { queries } from "../api/queries";
import type { Words } from "../charts/store";
import { inert, number, plain, quantity, seconds } from "../lib/words";
import { Failure } from "./states";

const STAGES = ["baseline", "fault", "recovery", "judged"] as const;
const BEFORE = ["starting", "sandbox", "setup", "target"];

export function Stages({ phase, ended, words }: { phase: string | null; ended: boolean; words: Words }) {
  const reached = ended ? 4 : phase === "analyze" || phase === "visualize" ? 3 : STAGES.indexOf(phase as never);
  const steady = words.marks.find((each) => each.what === "baseline.judged");
  return (
    <ol className="flex flex-wrap items-center gap-x-2 gap-y-1 text-sm" aria-label="Phases">
      {STAGES.map((stage, n) => {
        const done = n < reached;
        const now = n === reached;
        return (
          <li key={stage} aria-current={now ? "step" : undefined} className="flex items-center gap-2">
            {n > 0 && <span className="h-px w-5 bg-line-2" aria-hidden="true" />}
            <span
              className={`flex items-center gap-1.5 ${now ? (stage === "fault" ? "font-medium text-fault-ink" : "font-medium") : done ? "" : "text-ink-3"}`}
            >
              <i
                aria-hidden="true"
                className={`inline-block size-2 shrink-0 rounded-full border ${done ? "border-ink bg-ink" : now ? (stage === "fault" ? "breathe border-fault bg-fault" : "breathe border-ink bg-ink") : "border-line-2"}`}
              />
              {stage === "baseline" && done && steady ? (steady.words.includes("NOT") ? "baseline not steady" : "baseline steady") : stage}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

/** What happens before the first number comes: steps, no spinner. */
export function Waiting({ run, words }: { run: Run; words: Words }) {
  const phase = run.phase ?? "";
  const at = run.state === "queued" ? 0 : Math.max(1, BEFORE.indexOf(phase) + 1);
  const steps = ["a worker takes it", "its process starts", "the sandbox is opened", "setup", "the app answers"];
  return (
    <div className="card grid gap-4 p-6" role="status">
      <p className="text-lg">{run.state === "queued" ? `Waits for ${inert(run.waiting_for ?? "a worker")}` : "It begins"}</p>
      <ol className="grid gap-2">
        {steps.map((step, n) => (
          <li key={step} className={`flex items-center gap-2.5 ${n > at ? "text-ink-3" : ""}`}>
            <i aria-hidden="true" className={`inline-block size-2 shrink-0 rounded-full border ${n < at ? "border-ink bg-ink" : n === at ? "breathe border-live bg-live" : "border-line-2"}`} />
            {step}
          </li>
        ))}
      </ol>
      {words.marks.slice(-1).map((mark, n) => <p key={n} className="hint">{inert(mark.words)}</p>)}
    </div>
  );
}

export function ProgressBar({ run }: { run: Run }) {
  const { percent, eta_s } = run.progress;
  const doing = run.state === "stopping" ? "stopping: the fault is undone" : (run.phase ?? run.state);
  return (
    <div className="flex min-w-56 items-center gap-3">
      <div className="bar h-2 flex-1" role="progressbar" aria-label="Progress" aria-valuenow={Math.round(percent)} aria-valuemin={0} aria-valuemax={100} aria-valuetext={`${doing}, ${Math.round(percent)} %`}>
        <i style={{ width: `${percent}%`, background: run.phase === "fault" ? "var(--fault)" : "var(--ink)" }} />
      </div>
      <p className="num text-sm whitespace-nowrap text-ink-2">{eta_s != null && run.state === "running" ? `${seconds(eta_s)} left` : doing}</p>
    </div>
  );
}

type Step = { name: string; hold_s: number; fault: { type: string } };

/** Asked against delivered, while it moves. */
export function Delivered({ words, plan }: { words: Words; plan?: PlanView }) {
  const steps = ((plan?.plan as { method?: Step[] } | undefined)?.method ?? []);
  return (
    <ul className="grid gap-3 sm:grid-cols-2">
      {steps.map((step) => {
        const now = words.delivered.get(step.name);
        const injected = words.marks.findLast((each) => each.what === "fault.injected" && each.step === step.name);
        const over = words.marks.findLast((each) => each.what === "fault.recovered" && each.step === step.name);
        return (
          <li key={step.name} className="card grid gap-1 border-t-2 border-t-fault px-4 py-3">
            <p className="flex items-baseline justify-between gap-2">
              <b className="font-medium">{inert(step.name, 80)}</b>
              <span className="text-sm text-ink-2">{over ? "over" : injected ? "in place" : "to come"}</span>
            </p>
            {now ? (
              <p className="num flex flex-wrap items-baseline gap-x-4 text-ink-2">
                <span>{quantity(now.what).name} asked <b className="font-medium text-ink">{quantity(now.what).say(now.asked)}</b></span>
                <span>delivered <b className="text-lg font-semibold text-ink">{now.delivered == null ? "–" : quantity(now.what).say(now.delivered)}</b></span>
                <span className="text-sm">{number(now.samples)} samples</span>
              </p>
            ) : (
              <p className="text-sm text-ink-2">{injected ? inert(injected.words) : `${plain(step.fault.type)}, held ${seconds(step.hold_s)}`}</p>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** Asks once, in its place. */
export function StopButton({ run }: { run: Run }) {
  const [asking, ask] = useState(false);
  const [reason, say] = useState("");
  const stop = useMutation({
    mutationFn: () => got(api.POST("/api/v1/runs/{id}/stop", { params: { path: { id: run.id } }, body: { reason } })),
    onSettled: () => void queries.invalidateQueries({ queryKey: ["run", run.id] }),
    onSuccess: () => ask(false),
  });
  function send(event: FormEvent) {
    event.preventDefault();
    stop.mutate();
  }
  if (run.state === "ended") return null;
  if (run.state === "stopping") return <span className="text-sm font-medium text-deviated">Stopping…</span>;
  if (!asking) {
    return (
      <button data-stop className="btn btn-danger" onClick={() => ask(true)}>
        <Square size={12} aria-hidden="true" fill="currentColor" /> Stop run
      </button>
    );
  }
  return (
    <form onSubmit={send} className="flex flex-wrap items-center gap-2" onKeyDown={(event) => event.key === "Escape" && ask(false)}>
      <input className="field w-52" value={reason} maxLength={500} onChange={(event) => say(event.target.value)} placeholder="reason, if you like" aria-label="Reason to stop" autoFocus />
      <button className="btn btn-danger" disabled={stop.isPending}>{stop.isPending ? "Stopping…" : "Undo the fault and end it"}</button>
      <button type="button" className="btn btn-ghost" onClick={() => ask(false)}>Go on</button>
      {stop.isError && <Failure error={stop.error} />}
    </form>
  );
}

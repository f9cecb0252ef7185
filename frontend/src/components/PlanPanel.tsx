// What would happen, beside the form, while it is filled in: asked of the console, which starts nothing.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, got, ProblemError, type PlanView, type Start } from "../api/client";
import { inert, many, plain, seconds } from "../lib/words";
import { Failure } from "./states";

const AFTER_MS = 300;

/** The plan of what is asked for, a moment after it was last changed. */
export function usePlan(body: Start | null) {
  const text = body ? JSON.stringify(body) : "";
  const [asked, ask] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => ask(text), AFTER_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return useQuery({
    queryKey: ["planned", asked],
    queryFn: () => got(api.POST("/api/v1/plan", { body: JSON.parse(asked) as Start })),
    enabled: Boolean(asked),
    retry: false,
    staleTime: 60_000,
    placeholderData: (before) => before,
  });
}

type Told = {
  hypothesis?: string; baseline_s?: number; recovery_s?: number;
  method?: { name: string; hold_s: number; fault: { type: string } }[];
  steady_state?: { name: string; holds?: string; recover_within_s?: number | null }[];
  processes?: unknown[];
};

export function PlanPanel({ plan, wants, error, elsewhere }: { plan?: PlanView; wants: string; error: unknown; elsewhere?: string }) {
  return (
    <section aria-labelledby="plan-title" aria-live="polite" className="card sticky top-[68px] grid gap-4 self-start p-5">
      <h2 id="plan-title">What will happen</h2>
      {elsewhere ? <p className="text-ink-2">{elsewhere}</p>
        : wants ? <p className="text-ink-2">{wants}</p>
        : error ? <Failure error={error} />
        : plan ? <Plan plan={plan} />
        : <div className="skeleton h-40" role="status" aria-label="Planning" />}
    </section>
  );
}

function Plan({ plan }: { plan: PlanView }) {
  const told = plan.plan as Told;
  const refusals = plan.refusals ?? [];
  return (
    <>
      {told.hypothesis && <p className="text-lg leading-6 text-balance">{inert(told.hypothesis, 600)}</p>}
      <TimeLine told={told} whole={plan.declared_s ?? 0} />
      <dl className="grid gap-3 text-sm">
        <div>
          <dt className="text-ink-2">Judged by</dt>
          {(told.steady_state ?? []).map((each) => (
            <dd key={each.name}>
              {inert(each.name, 120)}
              <span className="text-ink-2">{each.recover_within_s ? `, back within ${seconds(each.recover_within_s)}` : each.holds === "throughout" ? ", all the time" : ""}</span>
            </dd>
          ))}
        </div>
        <div>
          <dt className="text-ink-2">Harm</dt>
          <dd>at most {seconds(Math.max(0, ...(told.method ?? []).map((each) => each.hold_s)))} a fault, in a sandbox with {many(told.processes?.length ?? 0, "process", "processes")}</dd>
        </div>
      </dl>
      {refusals.length > 0 && (
        <div role="alert" className="rounded-lg border border-deviated/40 p-3">
          <p className="font-medium text-deviated">It cannot be carried out</p>
          <ul className="mt-1 grid gap-1 text-sm">{refusals.map((each, n) => <li key={n}>{each.path ? <code className="mono">{inert(each.path)} </code> : null}{inert(each.message)}</li>)}</ul>
        </div>
      )}
      <details>
        <summary className="w-fit text-sm font-medium text-ink-2">The whole plan</summary>
        <pre className="mono mt-2 max-h-96 overflow-auto rounded-lg bg-sunken p-3 whitespace-pre-wrap" tabIndex={0}>{inert(plan.words, 20_000)}</pre>
      </details>
    </>
  );
}

/** Baseline, faults, recovery, as long as they are. */
function TimeLine({ told, whole }: { told: Told; whole: number }) {
  const baseline = told.baseline_s ?? 0;
  const recovery = told.recovery_s ?? 0;
  const fault = Math.max(0, whole - baseline - recovery);
  const share = (part: number) => ({ width: `${(100 * part) / (whole || 1)}%` });
  return (
    <figure className="grid gap-1.5">
      <div className="flex h-9 overflow-hidden rounded-md border border-line bg-sunken text-xs" aria-hidden="true">
        <div style={share(baseline)} />
        <div style={share(fault)} className="hatch flex items-center justify-center border-x border-fault bg-surface px-1 font-medium text-fault-ink">
          <span className="truncate">{(told.method ?? []).map((each) => plain(each.fault.type)).join(", ")}</span>
        </div>
        <div style={share(recovery)} />
      </div>
      <figcaption className="num flex flex-wrap justify-between gap-x-3 text-sm text-ink-2">
        <span>{seconds(baseline)} baseline · {seconds(fault)} fault · {seconds(recovery)} recovery</span>
        <span>about {seconds(whole)}</span>
      </figcaption>
    </figure>
  );
}

/** What the console says of one field of the request. */
export function wrongWith(error: unknown, path: string): string | undefined {
  if (!(error instanceof ProblemError)) return undefined;
  return error.problem.problems?.find((each) => each.path?.split(".").at(-1) === path)?.message;
}

// A run that goes on, as home shows it: phase, how far, and a stop that asks once.
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import type { RunSummary } from "../api/client";
import { run as runQuery } from "../api/queries";
import { inert, plain, seconds } from "../lib/words";
import { shownOf, VerdictMark } from "./Verdict";

export function LiveRow({ run, close }: { run: RunSummary; close: boolean }) {
  // Its progress, of the first few only: a page asks no more than a handful of questions.
  const { data } = useQuery({ ...runQuery(run.id), enabled: close && run.state === "running" });
  const progress = data?.progress;
  return (
    <div data-row className="relative grid grid-cols-[auto_1fr_auto] items-center gap-x-3 gap-y-1 px-4 py-2.5 hover:bg-sunken md:grid-cols-[auto_minmax(0,1fr)_120px_200px_72px]">
      <VerdictMark of={shownOf(run)} />
      <p className="min-w-0">
        <Link to={`/runs/${run.id}`} className="font-medium no-underline after:absolute after:inset-0">
          {inert(run.experiment, 120)}
        </Link>{" "}
        <span className="text-sm text-ink-2">{(run.faults ?? []).map(plain).join(", ")}</span>
      </p>
      <p className={`text-sm font-medium ${data?.phase === "fault" ? "text-fault-ink" : "text-ink-2"}`}>{data?.phase ?? run.phase ?? run.state}</p>
      {run.state === "queued" ? <p className="text-sm text-ink-2 max-md:hidden md:col-span-2">waits for its process</p> : <><div className="bar max-md:hidden" role="progressbar" aria-label="Progress" aria-valuenow={progress?.percent ?? 0} aria-valuemin={0} aria-valuemax={100}>
        <i style={{ width: `${progress?.percent ?? 0}%` }} />
      </div>
      <p className="num text-right text-sm text-ink-2 max-md:hidden">{progress?.eta_s != null ? `${seconds(progress.eta_s)} left` : ""}</p></>}
    </div>
  );
}

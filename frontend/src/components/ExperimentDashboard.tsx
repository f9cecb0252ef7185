// Home: what needs a person, what is live, and every experiment with how it went.
import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { Link, useSearchParams } from "react-router";
import type { ExperimentView, RunSummary } from "../api/client";
import { experiments, house, runs } from "../api/queries";
import { useAgain, useStart } from "../lib/starting";
import { ago, inert, percent } from "../lib/words";
import { FirstVisit } from "./FirstVisit";
import { LiveRow } from "./LiveRow";
import { Page, Section, useTitle } from "./Page";
import { Answered, Empty, Failure, Stale } from "./states";
import { Ticks } from "./Ticks";
import { shownOf, VerdictMark, VerdictWord } from "./Verdict";

export function ExperimentDashboard() {
  useTitle("Experiments");
  const all = useQuery(experiments);
  const recent = useQuery(runs({}, 200));
  const live = (recent.data?.items ?? []).filter((each) => each.state !== "ended");
  const { data: told } = useQuery(house);
  const canStart = told?.rights.includes("operate") ?? false;
  return (
    <Page
      title="Experiments"
      about="What was proven about your systems, and what was not."
      actions={
        canStart && (
          <Link to="/new" className="btn btn-primary">
            <Plus size={14} aria-hidden="true" /> New run
          </Link>
        )
      }
    >
      <Stale query={recent} />
      <Needing items={all.data?.items ?? []} live={live} />
      {live.length > 0 && (
        <Section title="Live" aside={`${live.length}`}>
          <ul className="card divide-y divide-line overflow-hidden">
            {live.map((each, n) => (
              <li key={each.id}>
                <LiveRow run={each} close={n < 3} />
              </li>
            ))}
          </ul>
        </Section>
      )}
      <Answered query={all}>
        {(found) =>
          found.items.length ? (
            <Listed items={found.items} ran={recent.data?.items ?? []} canStart={canStart} />
          ) : live.length ? null : (
            <FirstVisit canStart={canStart} />
          )
        }
      </Answered>
    </Page>
  );
}

/** Only what a person has to look at: the newest deviation of an experiment, a question of a game day. */
function Needing({ items, live }: { items: ExperimentView[]; live: RunSummary[] }) {
  const broken = items
    .map((each) => each.last_run)
    .filter((run): run is RunSummary => run?.verdict === "deviated")
    .sort((a, b) => b.created_at.localeCompare(a.created_at))
    .slice(0, 3);
  const asking = live.filter((each) => each.state === "waiting");
  if (!broken.length && !asking.length) return null;
  return (
    <ul className="card divide-y divide-line" aria-label="Needs a person">
      {asking.map((each) => (
        <li key={each.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2.5">
          <VerdictMark of="queued" />
          <p className="min-w-0 flex-1">
            <b className="font-medium">{inert(each.experiment, 120)}</b> asks whether to go on
          </p>
          <Link to={`/runs/${each.id}`} className="btn">Answer</Link>
        </li>
      ))}
      {broken.map((each) => (
        <li key={each.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2.5">
          <VerdictMark of="deviated" />
          <p className="min-w-0 flex-1">
            <b className="font-medium">{inert(each.experiment, 120)}</b> <span className="text-deviated">deviated</span> {ago(each.created_at)}
            <span className="text-ink-2">: {inert(each.why ?? "", 220)}</span>
          </p>
          <Link to={`/runs/${each.id}`} className="btn">See</Link>
        </li>
      ))}
    </ul>
  );
}

function Listed({ items, ran, canStart }: { items: ExperimentView[]; ran: RunSummary[]; canStart: boolean }) {
  const [params, set] = useSearchParams();
  const repository = params.get("repository") ?? "";
  const verdict = params.get("verdict") ?? "";
  const repositories = [...new Set(items.map((each) => each.repository).filter(Boolean))] as string[];
  const shown = items.filter(
    (each) => (!repository || each.repository === repository) && (!verdict || shownOf(each.last_run) === verdict),
  );
  const proven = items.filter((each) => each.score != null).length;
  const held = items.filter((each) => each.score === 1).length;
  const choose = (name: string) => (event: { target: { value: string } }) => {
    if (event.target.value) params.set(name, event.target.value);
    else params.delete(name);
    set(params, { replace: true });
  };
  return (
    <Section
      title={<span className="num">{items.length} experiments <span className="font-normal text-ink-2">· {proven} proven · {held} always held</span></span>}
      aside={
        <span className="flex gap-2">
          {repositories.length > 0 && (
            <select aria-label="Repository" className="field w-auto" value={repository} onChange={choose("repository")}>
              <option value="">every repository</option>
              {repositories.map((each) => <option key={each} value={each}>{short(each)}</option>)}
            </select>
          )}
          <select aria-label="Verdict" className="field w-auto" value={verdict} onChange={choose("verdict")}>
            <option value="">every verdict</option>
            {["held", "deviated", "inconclusive", "none"].map((each) => (
              <option key={each} value={each}>{each === "none" ? "never run" : each}</option>
            ))}
          </select>
        </span>
      }
    >
      {shown.length ? (
        <ul className="card divide-y divide-line">
          {shown.map((each) => (
            <li key={`${each.repository} ${each.name}`}>
              <Row of={each} ran={ran} canStart={canStart} />
            </li>
          ))}
        </ul>
      ) : (
        <Empty title="None is of these filters" action={<button className="btn" onClick={() => set({})}>Show all</button>} />
      )}
    </Section>
  );
}

const short = (address: string) => address.replace(/\.git$/, "").split("/").at(-1) ?? address;

function Row({ of, ran, canStart }: { of: ExperimentView; ran: RunSummary[]; canStart: boolean }) {
  const shown = shownOf(of.last_run);
  const verdicts = ran
    .filter((run) => run.experiment === of.name && (run.repository ?? null) === of.repository && run.state === "ended")
    .map((run) => run.verdict)
    .reverse();
  return (
    <div data-row className="relative grid grid-cols-[1fr_auto] items-center gap-x-4 gap-y-1 px-4 py-2.5 hover:bg-sunken md:grid-cols-[128px_minmax(0,1fr)_120px_132px_96px_92px]">
      <div className="max-md:row-start-2"><VerdictWord of={shown} /></div>
      <div className="min-w-0 max-md:col-span-2 max-md:row-start-1">
        <Link to={`/experiments/${of.repository ? encodeURIComponent(short(of.repository)) : "-"}/${encodeURIComponent(of.name)}`} className="font-medium no-underline after:absolute after:inset-0">
          {inert(of.name, 160)}
        </Link>
        <p className="line-clamp-1 text-sm text-ink-2">
          {of.last_run?.why ? inert(of.last_run.why, 240) : of.last_run ? (of.last_run.state === "ended" ? "nothing is known of its last run" : "goes on now") : of.repository ? `of ${inert(short(of.repository), 80)}, not run yet` : "not run yet"}
        </p>
      </div>
      <div className="max-md:hidden"><Ticks verdicts={verdicts} /></div>
      <p className="num text-sm text-ink-2 max-md:hidden">
        {of.score == null ? "nothing proven" : <><b className="font-medium text-ink">{percent(of.score)}</b> of proven held</>}
      </p>
      <p className="num text-right text-sm text-ink-2">{of.suspended ? "suspended" : ago(of.last_run?.created_at)}</p>
      <div className="relative z-10 text-right max-md:hidden">{canStart && <RunButton of={of} />}</div>
    </div>
  );
}

function RunButton({ of }: { of: ExperimentView }) {
  const start = useStart();
  const again = useAgain(of.last_run?.id ?? "");
  const asked = of.repository ? start : again;
  const press = () =>
    of.repository ? start.mutate({ experiment: { name: of.name, repository: of.repository } } as never) : again.mutate(false);
  if (!of.repository && !of.last_run) return null;
  return (
    <>
      <button className="btn" onClick={press} disabled={asked.isPending} aria-label={`Run ${inert(of.name, 100)}`}>
        {asked.isPending ? "Starting…" : "Run"}
      </button>
      {asked.isError && <div className="absolute right-0 z-20 mt-1 w-80 text-left"><Failure error={asked.error} /></div>}
    </>
  );
}

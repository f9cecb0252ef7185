import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { gameDay } from "../api/queries";
import { Page, Section, useTitle } from "../components/Page";
import { Answered } from "../components/states";
import { shownOf, VerdictMark, VerdictWord } from "../components/Verdict";
import { inert, moment, percent } from "../lib/words";

type Ran = { experiment: string; run_id: string | null; verdict: string | null; why: string };
type Decision = { go: boolean; by: string; why: string; who: string | null };
type Stage = { name: string; ran?: Ran[]; decisions?: Decision[] };
type Fold = { purpose?: string; why?: string; participants?: string[]; notes?: string; stages?: Stage[]; not_run?: string[] };

export default function GameDay() {
  const { id = "" } = useParams();
  const query = useQuery(gameDay(id));
  useTitle(query.data?.name ?? "Game day");
  return (
    <Page title={inert(query.data?.name ?? "Game day", 120)} about={inert(((query.data?.fold ?? {}) as Fold).purpose ?? "", 500)}>
      <Answered query={query}>
        {(day) => {
          const fold = (day.fold ?? {}) as Fold;
          return (
            <>
              <dl className="card grid grid-cols-2 gap-4 px-5 py-4 md:grid-cols-4">
                <div><dt className="eyebrow">Verdict</dt><dd><VerdictWord of={shownOf({ state: "ended", verdict: day.verdict })} /></dd></div>
                <div><dt className="eyebrow">Score</dt><dd className="num text-xl font-semibold">{day.score ?? "–"}</dd></div>
                <div><dt className="eyebrow">Proved something</dt><dd className="num text-xl font-semibold">{percent(day.coverage)}</dd></div>
                <div><dt className="eyebrow">When</dt><dd className="num">{moment(day.started_at)} – {moment(day.ended_at)}</dd></div>
              </dl>
              {fold.why && <p className="text-lg">{inert(fold.why)}</p>}
              <Section title="Stages">
                <ol className="grid gap-3">
                  {(fold.stages ?? []).map((stage, n) => <StageView key={n} n={n + 1} stage={stage} />)}
                </ol>
                {fold.not_run?.length ? <p className="hint">Never begun: {inert(fold.not_run.join(", "), 500)}</p> : null}
              </Section>
            </>
          );
        }}
      </Answered>
    </Page>
  );
}

function StageView({ n, stage }: { n: number; stage: Stage }) {
  return (
    <li className="card overflow-hidden">
      <p className="border-b border-line px-4 py-2 font-medium"><span className="num mr-3 text-ink-3">{n}</span>{inert(stage.name, 120)}</p>
      <ul className="divide-y divide-line">
        {(stage.ran ?? []).map((each, k) => (
          <li key={k} className="grid grid-cols-[auto_1fr] gap-x-3 px-4 py-2">
            <VerdictMark of={shownOf({ state: "ended", verdict: each.verdict })} />
            <div>
              {each.run_id ? <Link className="font-medium no-underline hover:underline" to={`/runs/${each.run_id}`}>{inert(each.experiment, 120)}</Link> : <b className="font-medium">{inert(each.experiment, 120)}</b>}
              <p className="text-sm text-ink-2">{inert(each.why, 300)}</p>
            </div>
          </li>
        ))}
        {(stage.decisions ?? []).map((each, k) => (
          <li key={`d${k}`} className="bg-sunken px-4 py-2 text-sm">
            <b className="font-medium">{each.go ? "went on" : "ended here"}</b>, {inert(each.who ?? each.by, 80)}{each.why ? `: ${inert(each.why, 300)}` : ""}
          </li>
        ))}
      </ul>
    </li>
  );
}

import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { gameDays, runs } from "../api/queries";
import { Gate } from "../components/Gate";
import { Page, Section, useTitle } from "../components/Page";
import { Answered, Empty } from "../components/states";
import { shownOf, VerdictWord } from "../components/Verdict";
import { ago, inert, percent } from "../lib/words";

export default function GameDays() {
  useTitle("Game days");
  const query = useQuery(gameDays);
  const live = useQuery(runs({ state: "live" }, 50));
  const asking = (live.data?.items ?? []).filter((each) => each.state === "waiting");
  return (
    <Page title="Game days" about="Experiments in stages, with a decision between them.">
      {asking.map((each) => <Gate key={each.id} run={each} />)}
      <Answered query={query}>
        {({ items }) =>
          items.length ? (
            <Section title={`${items.length} that ended`}>
              <ul className="card divide-y divide-line">
                {items.map((each) => (
                  <li key={each.id} data-row className="relative grid grid-cols-[1fr_auto] items-center gap-x-4 px-4 py-2.5 hover:bg-sunken md:grid-cols-[128px_minmax(0,1fr)_100px_140px_110px]">
                    <VerdictWord of={shownOf({ state: "ended", verdict: each.verdict })} />
                    <Link className="font-medium no-underline after:absolute after:inset-0 max-md:order-first max-md:col-span-2" to={`/game-days/${encodeURIComponent(each.id)}`}>{inert(each.name, 120)}</Link>
                    <span className="num max-md:hidden">{each.score == null ? "–" : <><b className="font-semibold">{each.score}</b> of 100</>}</span>
                    <span className="num text-sm text-ink-2 max-md:hidden">{each.coverage == null ? "" : `${percent(each.coverage)} proved something`}</span>
                    <span className="num text-right text-sm text-ink-2">{ago(each.started_at)}</span>
                  </li>
                ))}
              </ul>
            </Section>
          ) : asking.length ? null : (
            <Empty title="No game day has ended here" action={<Link className="btn" to="/repositories">Repositories</Link>}>
              A game day is a file beside the experiments: <code className="mono">kind: GameDay</code>, with stages and gates.
            </Empty>
          )
        }
      </Answered>
    </Page>
  );
}

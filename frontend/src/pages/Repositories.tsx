import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { house, repositories } from "../api/queries";
import { Page, Section, useTitle } from "../components/Page";
import { short, SyncButtons } from "../components/SyncButtons";
import { Answered, Empty, Remedy } from "../components/states";
import { shownOf, VerdictWord } from "../components/Verdict";
import { ago, inert, many } from "../lib/words";

type Condition = { type: string; status: string; reason: string; message: string };
type Held = { name: string; path: string; sync: string; verdict: string | null; age_s: number | null; conditions: Condition[] };
type Account = { repository: string; branch: string; path: string; commit: string; at: number; stalls?: { what?: string; why?: string }[]; experiments: Held[] };

export default function Repositories() {
  useTitle("Repositories");
  const query = useQuery(repositories);
  return (
    <Page title="Repositories" about="What git asks for, and what Prefect has. A push, a schedule or a sync brings them in line.">
      <Answered query={query}>
        {({ items }) =>
          items.length ? (
            (items as unknown as Account[]).map((each) => <One key={`${each.repository} ${each.branch}`} of={each} />)
          ) : (
            <Empty title="No repository is followed" action={<Link className="btn" to="/new?kind=manifest">Run a manifest without one</Link>}>
              <p>Follow one, and each push is brought in line:</p>
              <p className="mt-2 grid justify-center"><Remedy command="chaoslab sync https://github.com/you/experiments" /></p>
            </Empty>
          )
        }
      </Answered>
    </Page>
  );
}

function One({ of }: { of: Account }) {
  const { data: told } = useQuery(house);
  const stalled = of.stalls ?? [];
  return (
    <Section
      title={inert(of.repository, 200)}
      aside={<span className="num">{of.branch && `${inert(of.branch, 60)} · `}{of.commit && <code className="mono">{of.commit.slice(0, 10)}</code>}{of.at ? ` · in line ${ago(new Date(of.at * 1000).toISOString())}` : ""}</span>}
    >
      {told?.rights.includes("operate") && <SyncButtons repository={of.repository} />}
      {stalled.length > 0 && <ul className="card border-l-4 border-l-inconclusive px-4 py-2.5">{stalled.map((each, n) => <li key={n}>{inert(Object.values(each).filter((one) => typeof one === "string").join(": "), 500)}</li>)}</ul>}
      <ul className="card divide-y divide-line">
        {of.experiments.length === 0 && <li className="px-4 py-3 text-ink-2">It holds no experiment.</li>}
        {of.experiments.map((each) => {
          const said = each.conditions.find((one) => one.status === "False" || one.type === "Stalled" && one.status === "True") ?? each.conditions[0];
          return (
            <li key={`${each.name} ${each.path}`} data-row className="relative grid items-center gap-x-4 gap-y-0.5 px-4 py-2.5 hover:bg-sunken md:grid-cols-[128px_minmax(0,1fr)_110px_minmax(0,1.2fr)]">
              <VerdictWord of={each.verdict ? shownOf({ state: "ended", verdict: each.verdict }) : "none"} />
              <div className="min-w-0">
                <Link className="font-medium no-underline after:absolute after:inset-0" to={`/experiments/${encodeURIComponent(short(of.repository))}/${encodeURIComponent(each.name)}`}>{inert(each.name, 120)}</Link>
                <p className="text-sm text-ink-2">{inert(each.path, 160)}</p>
              </div>
              <span className={["Synced"].includes(each.sync) ? "text-ink-2" : "font-medium text-inconclusive"}>{inert(each.sync, 40)}</span>
              <p className="text-sm text-ink-2">{said ? inert(said.message || said.reason, 260) : ""}</p>
            </li>
          );
        })}
      </ul>
      <p className="hint">{many(of.experiments.length, "experiment")}. <Link className="link" to={`/runs?repository=${encodeURIComponent(of.repository)}`}>Its runs</Link></p>
    </Section>
  );
}

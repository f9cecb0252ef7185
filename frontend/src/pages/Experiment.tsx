// One experiment over time: each run a dot, and two of them can be compared.
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { api, got, type ExperimentView } from "../api/client";
import { experiment as experimentQuery, house, queries, trend as trendQuery } from "../api/queries";
import { Dots, MEASURES } from "../charts/Dots";
import { Page, Section, useTitle } from "../components/Page";
import { Answered, Empty, Failure } from "../components/states";
import { shownOf, VerdictWord } from "../components/Verdict";
import { useAgain, useStart } from "../lib/starting";
import { inert, many, percent } from "../lib/words";

export default function Experiment() {
  const { repository = "-", name = "" } = useParams();
  useTitle(name);
  const query = useQuery(experimentQuery(repository, name));
  const trend = useQuery(trendQuery(repository, name));
  const { data: told } = useQuery(house);
  const operate = told?.rights.includes("operate") ?? false;
  return (
    <Page
      title={inert(name, 160)}
      about={repository === "-" ? "Of no repository: it was started from a form, a file or a manifest." : `Of the repository ${inert(repository, 120)}.`}
      actions={query.data && operate && <Actions of={query.data} repository={repository} />}
    >
      <Answered query={query} rows={2}>{(found) => <Facts of={found} />}</Answered>
      <Section title="Trend" aside="choose two runs to compare them">
        <Answered query={trend} rows={2}>
          {({ items }) => (items.length ? <Trend items={items} /> : <Empty title="It has not run yet">A run that ended is a dot here.</Empty>)}
        </Answered>
      </Section>
      {query.data?.conditions?.length ? <Conditions of={query.data} /> : null}
    </Page>
  );
}

function Actions({ of, repository }: { of: ExperimentView; repository: string }) {
  const start = useStart();
  const again = useAgain(of.last_run?.id ?? "");
  const suspend = useMutation({
    mutationFn: (suspended: boolean) => got(api.PATCH("/api/v1/experiments/{repository}/{name}", { params: { path: { repository, name: of.name } }, body: { suspended } })),
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["experiment"] }),
  });
  const failed = start.error ?? again.error ?? suspend.error;
  const ours = of.repository != null;
  return (
    <>
      {ours && of.schedule && (
        <button className="btn" disabled={suspend.isPending} onClick={() => suspend.mutate(!of.suspended)}>{of.suspended ? "Resume its schedule" : "Suspend its schedule"}</button>
      )}
      {(ours || of.last_run) && (
        <button
          className="btn btn-primary"
          disabled={start.isPending || again.isPending}
          onClick={() => (ours ? start.mutate({ experiment: { name: of.name, repository: of.repository } } as never) : again.mutate(false))}
        >
          {start.isPending || again.isPending ? "Starting…" : "Run now"}
        </button>
      )}
      {failed && <div className="w-full"><Failure error={failed} /></div>}
    </>
  );
}

function Facts({ of }: { of: ExperimentView }) {
  const facts: [string, React.ReactNode][] = [
    ["Last", <VerdictWord key="l" of={shownOf(of.last_run)} />],
    ["Held", of.score == null ? "–" : `${percent(of.score)} of what proved something`],
    ["Proved something", of.coverage == null ? "–" : `${percent(of.coverage)} of its last runs`],
    ["Runs", String(of.runs)],
    ["Schedule", of.schedule ? `${of.schedule}${of.suspended ? ", suspended" : ""}` : "none"],
  ];
  return (
    <dl className="card grid grid-cols-2 gap-x-6 gap-y-3 px-5 py-4 md:grid-cols-5">
      {facts.map(([name, value]) => <div key={name}><dt className="eyebrow">{name}</dt><dd className="num mt-0.5 font-medium">{value}</dd></div>)}
    </dl>
  );
}

type Items = Parameters<typeof Dots>[0]["items"];

function Trend({ items }: { items: Items }) {
  const [params, set] = useSearchParams();
  const go = useNavigate();
  const measure = MEASURES.find((each) => each.key === params.get("number")) ?? MEASURES[0]!;
  const [marked, mark] = useState<string[]>([]);
  function choose(id: string) {
    const next = marked.includes(id) ? marked.filter((each) => each !== id) : [...marked, id];
    if (next.length === 2) void go(`/compare?a=${next[0]}&b=${next[1]}`);
    mark(next);
  }
  return (
    <div className="card">
      <div className="flex flex-wrap items-center justify-between gap-2 border-b border-line px-4 py-2">
        <select className="field w-auto" aria-label="Number" value={measure.key} onChange={(event) => set({ number: event.target.value }, { replace: true })}>
          {MEASURES.map((each) => <option key={each.key} value={each.key}>{each.name}</option>)}
        </select>
        <p className="text-sm text-ink-2">{marked.length ? "one marked; choose another" : many(items.length, "run")}</p>
      </div>
      <Dots items={items} measure={measure} marked={marked} choose={choose} />
    </div>
  );
}

function Conditions({ of }: { of: ExperimentView }) {
  return (
    <Section title="Conditions" aside={inert(of.sync ?? "", 40)}>
      <ul className="card divide-y divide-line">
        {(of.conditions as { type: string; status: string; reason: string; message: string }[]).map((each) => (
          <li key={each.type} className="grid gap-x-4 px-4 py-2 sm:grid-cols-[160px_80px_1fr]">
            <b className="font-medium">{each.type}</b><span>{each.status}</span><span className="text-ink-2">{inert(each.message || each.reason)}</span>
          </li>
        ))}
      </ul>
      <p className="hint">{of.path && <Link to="/repositories" className="link">{inert(of.path)}</Link>}</p>
    </Section>
  );
}

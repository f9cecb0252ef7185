import { useQuery } from "@tanstack/react-query";
import { Link, useSearchParams } from "react-router";
import type { FaultView } from "../api/client";
import { faults } from "../api/queries";
import { Page, Section, useTitle } from "../components/Page";
import { Answered, Empty } from "../components/states";
import { families } from "../lib/wish";
import { inert, many, plain } from "../lib/words";

export default function Faults() {
  useTitle("Faults");
  const query = useQuery(faults);
  const [params, set] = useSearchParams();
  const q = params.get("q") ?? "";
  return (
    <Page
      title="Faults"
      about="Everything that can be done to an app, how strong, and by what. Each is measured: asked against delivered."
      actions={<input className="field w-60" type="search" aria-label="Search faults" placeholder="Search faults" value={q} onChange={(event) => set(event.target.value ? { q: event.target.value } : {}, { replace: true })} />}
    >
      <Answered query={query} rows={8}>
        {({ items }) => {
          const shown = items.filter((each) => `${each.name} ${plain(each.name)} ${each.sentence}`.toLowerCase().includes(q.toLowerCase()));
          if (!shown.length) return <Empty title={`No fault is about “${inert(q, 60)}”`} action={<button className="btn" onClick={() => set({})}>Show all</button>} />;
          return families(shown).map(([title, mine]) => (
            <Section key={title} title={title} aside={many(mine.length, "fault")}>
              <ul className="card divide-y divide-line">{mine.map((each) => <li key={each.name}><One of={each} /></li>)}</ul>
            </Section>
          ));
        }}
      </Answered>
    </Page>
  );
}

function One({ of }: { of: FaultView }) {
  return (
    <div className="grid gap-x-6 gap-y-2 px-4 py-3 md:grid-cols-[minmax(0,1.3fr)_minmax(0,1fr)_minmax(0,1fr)_auto]">
      <div>
        <p className="font-medium"><code className="mono text-[13px]!">{of.name}</code></p>
        <p className="text-sm text-ink-2 text-pretty">{inert(of.sentence)}</p>
      </div>
      <dl className="grid content-start gap-0.5 text-sm">
        {Object.entries(of.presets).map(([intensity, fields]) => (
          <div key={intensity} className="grid grid-cols-[60px_1fr]"><dt className="text-ink-2">{intensity}</dt><dd className="num">{Object.entries(fields).map(([name, value]) => `${plain(name)} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`).join(", ")}</dd></div>
        ))}
      </dl>
      <dl className="grid content-start gap-0.5 text-sm">
        {Object.entries(of.providers).map(([provider, how]) => (
          <div key={provider} className="grid grid-cols-[76px_1fr]"><dt className="text-ink-2">{provider}</dt><dd className={how.startsWith("refused") ? "text-inconclusive" : ""}>{inert(how)}</dd></div>
        ))}
      </dl>
      <Link className="btn self-start" to={`/new?scenario=${of.name}`} aria-label={`Try it: ${plain(of.name)} on the demo shop`}>Try it</Link>
    </div>
  );
}

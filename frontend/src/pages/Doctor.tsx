import { useQuery } from "@tanstack/react-query";
import { workers } from "../api/queries";
import { Page, Section, useTitle } from "../components/Page";
import { Answered, Empty, Remedy } from "../components/states";
import { ago, inert } from "../lib/words";

type Finding = { name?: string; level?: string; what?: string; why?: string; message?: string; remedy?: string | null };
type Worker = { name: string; status: string; last_heartbeat_at?: string | null; machine?: string; version?: string; findings?: Finding[] | null };

export default function Doctor() {
  useTitle("Doctor");
  const query = useQuery(workers);
  return (
    <Page title="Doctor" about="Who carries out runs, and what each machine can do.">
      <Answered query={query}>
        {({ items }) =>
          items.length ? (
            (items as Worker[]).map((each) => <One key={each.name} of={each} />)
          ) : (
            <Empty title="No worker was ever heard of">
              Without one nothing runs. <span className="mt-2 grid justify-center"><Remedy command="chaoslab serve" /></span>
            </Empty>
          )
        }
      </Answered>
    </Page>
  );
}

function One({ of }: { of: Worker }) {
  const online = of.status === "online";
  const findings = of.findings ?? [];
  return (
    <Section
      title={<span className="flex items-center gap-2"><i aria-hidden="true" className={`inline-block size-2 rounded-full ${online ? "bg-held" : "border border-ink-3"}`} />{inert(of.machine ?? of.name, 120)}</span>}
      aside={`${of.status}, heard ${ago(of.last_heartbeat_at)}`}
    >
      <div className="card divide-y divide-line">
        <p className="px-4 py-2.5 text-sm text-ink-2">{inert(of.name, 160)}{of.version ? `, ChaosLab ${inert(of.version, 40)}` : ""}</p>
        {findings.map((each, n) => (
          <div key={n} className="grid gap-x-4 gap-y-1 px-4 py-2 sm:grid-cols-[160px_1fr]">
            <b className="font-medium">{inert(each.name ?? each.what ?? "", 80)}</b>
            <div>
              <p>{inert(each.message ?? each.why ?? "", 500)}</p>
              {each.remedy && <Remedy command={each.remedy} />}
            </div>
          </div>
        ))}
        {!findings.length && (
          <p className="px-4 py-3">
            {online ? "It takes runs." : "It takes no runs until it is heard of again."} <span className="text-ink-2">What its machine can do, and the remedy where it cannot, it says itself: <code className="mono">chaoslab doctor</code></span>
          </p>
        )}
      </div>
    </Section>
  );
}

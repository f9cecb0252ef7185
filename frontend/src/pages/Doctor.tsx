import { useQuery } from "@tanstack/react-query";
import { workers } from "../api/queries";
import { Page, Section, useTitle } from "../components/Page";
import { Answered, Empty, Remedy } from "../components/states";
import { ago, inert, many } from "../lib/words";

type Finding = { name: string; level: string; says: string; remedy?: string | null };
type Worker = { name: string; status: string; last_heartbeat_at?: string | null; machine?: string; version?: string; doctor?: Finding[] | null; slots?: number | null; examined_at?: string | null };

export default function Doctor() {
  useTitle("Doctor");
  const query = useQuery(workers);
  return (
    <Page title="Doctor" about="Who carries out runs, and what each machine can do.">
      <Answered query={query}>
        {({ items }) =>
          items.length ? (
            <All items={items as Worker[]} />
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

const TRUSTED_MS = 24 * 3_600_000;

/** Those that take runs in full; the others in a line each, and of those only whoever was heard of lately. */
function All({ items }: { items: Worker[] }) {
  const online = items.filter((each) => each.status === "online");
  const gone = items.filter((each) => each.status !== "online" && Date.now() - Date.parse(each.last_heartbeat_at ?? "") < TRUSTED_MS);
  return (
    <>
      {!online.length && (
        <Empty title="No worker is online">
          What is started waits until one is. <span className="mt-2 grid justify-center"><Remedy command="chaoslab serve" /></span>
        </Empty>
      )}
      {online.map((each) => <One key={each.name} of={each} />)}
      {gone.length > 0 && (
        <Section title="Not online any more" aside="of the last 24 h">
          <ul className="card divide-y divide-line">
            {gone.map((each) => (
              <li key={each.name} className="flex flex-wrap items-baseline justify-between gap-x-4 px-4 py-2">
                <span className="min-w-0 text-ink-2">{inert(each.machine ?? each.name, 160)}</span>
                <span className="num text-sm text-ink-2">heard {ago(each.last_heartbeat_at)}</span>
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}

function One({ of }: { of: Worker }) {
  const findings = of.doctor ?? [];
  const about = [of.machine ? of.name : "", of.version ? `ChaosLab ${of.version}` : "", of.slots ? many(of.slots, "slot") : "", of.examined_at ? `examined ${ago(of.examined_at)}` : ""].filter(Boolean).join(", ");
  return (
    <Section
      title={<span className="flex items-center gap-2"><i aria-hidden="true" className="inline-block size-2 shrink-0 rounded-full bg-held" />{inert(of.machine ?? of.name, 120)}</span>}
      aside={`online, heard ${ago(of.last_heartbeat_at)}`}
    >
      <div className="card divide-y divide-line">
        {about && <p className="px-4 py-2.5 text-sm text-ink-2">{inert(about, 200)}</p>}
        {findings.map((each, n) => <Found key={n} of={each} />)}
        {!findings.length && (
          <p className="px-4 py-3">It takes runs. <span className="text-ink-2">What its machine can do, and the remedy where it cannot, it says itself: <code className="mono">chaoslab doctor</code></span></p>
        )}
      </div>
    </Section>
  );
}

/** One thing that a machine can do, can do in part, or lacks: its word beside the colour. */
function Found({ of }: { of: Finding }) {
  const colour = { ok: "text-held", missing: "text-deviated" }[of.level] ?? "text-inconclusive";
  return (
    <div className="grid gap-x-4 gap-y-1 px-4 py-2 sm:grid-cols-[180px_72px_1fr]">
      <b className="font-medium">{inert(of.name, 80)}</b>
      <span className={`font-medium ${colour}`}>{inert(of.level, 20)}</span>
      <div className="grid gap-1">
        <p className="text-ink-2">{inert(of.says, 500)}</p>
        {of.remedy && <Remedy command={of.remedy} />}
      </div>
    </div>
  );
}
